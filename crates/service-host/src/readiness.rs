//! Whether this process is ready to be called, and the state of its dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use serde::Serialize;
use settings::SnapshotUse;
use settings::report::Refused;
use tokio_util::sync::CancellationToken;

/// A dependency that takes longer counts as down.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a starting process checks whether it is ready.
const START_POLL: Duration = Duration::from_millis(25);

type StartProbe = Box<dyn Fn() -> Probe + Send + Sync>;

/// A check that runs. Everybody who waits for it gets its result; an error is text.
type Probe = Shared<BoxFuture<'static, Result<(), Arc<str>>>>;

/// One dependency and its check.
pub(crate) struct Check {
    name: String,
    needed: bool,
    start_probe: StartProbe,
    /// The probe that runs. There is one at a time, however many requests for the report there are: a dependency that stands still
    /// does not get more and more probes.
    running: Mutex<Option<Probe>>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    status: Status,
    dependencies: BTreeMap<String, Dependency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<SettingsState>,
}

/// Which settings the process runs with.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct SettingsState {
    pub(crate) version: Option<String>,
    /// The keys whose new values take effect when the process starts again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) restart_pending: Vec<String>,
    /// The version that the process has refused since, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Refused>,
    /// The process has started with the settings of a snapshot, and no config server has confirmed them yet.
    #[serde(skip_serializing_if = "is_over")]
    pub(crate) snapshot: Option<SnapshotUse>,
}

#[expect(clippy::ref_option, reason = "this is how serde calls it")]
fn is_over(snapshot: &Option<SnapshotUse>) -> bool {
    snapshot.as_ref().is_none_or(SnapshotUse::is_over)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Starting,
    Ready,
    NotReady,
    Draining,
}

#[derive(Debug, Serialize)]
struct Dependency {
    status: DependencyStatus,
    needed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum DependencyStatus {
    Up,
    Down,
}

/// The state behind the report.
#[derive(Default)]
pub(crate) struct Readiness {
    /// They are set when the service has started.
    checks: OnceLock<Vec<Check>>,
    draining: CancellationToken,
    /// The dependencies that were down in the last report, so that a change is logged once.
    down: Mutex<BTreeSet<String>>,
    settings: Mutex<Option<SettingsState>>,
}

impl Check {
    pub(crate) fn new<F, R, E>(name: impl Into<String>, needed: bool, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let start_probe = Box::new(move || {
            // It is a task, so that it runs to its end also if nobody waits for it any more.
            let checking = tokio::spawn(check());
            let result = async move {
                let error = match checking.await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => error.into(),
                    Err(panicked) => panicked.into(),
                };
                Err(telemetry::chain(error.as_ref()).into())
            };
            result.boxed().shared()
        });
        Self { name: name.into(), needed, start_probe, running: Mutex::default() }
    }

    /// The probe that runs, or a new one.
    fn current(&self) -> Probe {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // If nobody waits for it any more, it may have ended meanwhile. Then its result is not used.
        if let Some(probe) = running.as_ref().filter(|probe| (*probe).clone().now_or_never().is_none()) {
            return probe.clone();
        }
        running.insert((self.start_probe)()).clone()
    }

    async fn run(&self) -> (String, Dependency) {
        let error = match tokio::time::timeout(CHECK_TIMEOUT, self.current()).await {
            Ok(result) => result.err().map(|error| error.to_string()),
            Err(_) => Some("it did not answer within a second".to_owned()),
        };
        let status = if error.is_none() { DependencyStatus::Up } else { DependencyStatus::Down };
        (self.name.clone(), Dependency { status, needed: self.needed, error })
    }
}

/// Waits until all dependencies are up, also those that are not needed, but no longer than `patience`.
pub(crate) async fn wait_until_up(checks: &[Check], patience: Duration) {
    let all_up = async {
        while join_all(checks.iter().map(Check::run))
            .await
            .iter()
            .any(|(_, dependency)| dependency.error.is_some())
        {
            tokio::time::sleep(START_POLL).await;
        }
    };
    // Whatever is still missing is in the report.
    let _ = tokio::time::timeout(patience, all_up).await;
}

impl Report {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == Status::Ready
    }
}

impl Readiness {
    /// The service has started with these dependencies.
    pub(crate) fn started(&self, checks: Vec<Check>) {
        // A process starts once, so they are set once.
        let _ = self.checks.set(checks);
    }

    /// The process is told to stop. From now on it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// The process runs with these settings from now on.
    pub(crate) fn runs_with(&self, settings: SettingsState) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    /// Checks every dependency.
    pub(crate) async fn report(&self) -> Report {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(checks) = self.checks.get() else {
            return Report { status: Status::Starting, dependencies: BTreeMap::new(), settings };
        };
        let dependencies: BTreeMap<_, _> =
            join_all(checks.iter().map(Check::run)).await.into_iter().collect();
        for (name, dependency) in &dependencies {
            self.log_change(name, dependency);
        }
        let is_missing =
            |dependency: &Dependency| dependency.needed && dependency.status == DependencyStatus::Down;
        let status = match (self.draining.is_cancelled(), dependencies.values().any(is_missing)) {
            (true, _) => Status::Draining,
            (false, true) => Status::NotReady,
            (false, false) => Status::Ready,
        };
        Report { status, dependencies, settings }
    }

    /// Waits until every dependency that is needed is up.
    pub(crate) async fn ready(&self) {
        while !self.report().await.is_ready() {
            tokio::time::sleep(START_POLL).await;
        }
    }

    fn log_change(&self, name: &str, dependency: &Dependency) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match &dependency.error {
            Some(error) if down.insert(name.to_owned()) => {
                tracing::warn!(dependency = name, needed = dependency.needed, error, "a dependency is down");
            }
            None if down.remove(name) => tracing::info!(dependency = name, "a dependency is up again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn up(name: &str, needed: bool) -> Check {
        Check::new(name, needed, || async { Ok::<_, io::Error>(()) })
    }

    fn down(name: &str, needed: bool) -> Check {
        Check::new(name, needed, || async { Err(io::Error::other("gone")) })
    }

    async fn report(checks: Vec<Check>) -> serde_json::Value {
        let readiness = Readiness::default();
        readiness.started(checks);
        serde_json::to_value(readiness.report().await).unwrap()
    }

    #[tokio::test]
    async fn a_process_whose_service_has_not_started_is_not_ready() {
        let readiness = Readiness::default();
        assert!(!readiness.report().await.is_ready());
    }

    #[tokio::test]
    async fn each_dependency_is_named_with_what_is_wrong() {
        let report = report(vec![up("redis", false), down("mysql", true)]).await;
        let expected = serde_json::json!({
            "status": "not-ready",
            "dependencies": {
                "mysql": {"status": "down", "needed": true, "error": "gone"},
                "redis": {"status": "up", "needed": false},
            },
        });
        assert_eq!(report, expected);
    }

    #[tokio::test]
    async fn a_dependency_that_is_not_needed_may_be_down() {
        assert_eq!(report(vec![up("mysql", true), down("redis", false)]).await["status"], "ready");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dependency_that_does_not_answer_is_down() {
        let report = report(vec![Check::new("mysql", true, std::future::pending::<io::Result<()>>)]).await;
        assert_eq!(report["dependencies"]["mysql"]["status"], "down");
    }

    #[tokio::test]
    async fn many_requests_that_are_cancelled_start_one_probe() {
        let probes = Arc::new(AtomicUsize::new(0));
        let (answer, answered) = tokio::sync::watch::channel(false);
        let check = Check::new("mysql", true, {
            let probes = Arc::clone(&probes);
            move || {
                probes.fetch_add(1, Ordering::SeqCst);
                let mut answered = answered.clone();
                async move { answered.wait_for(|answered| *answered).await.map(drop).map_err(io::Error::other) }
            }
        });
        let readiness = Readiness::default();
        readiness.started(vec![check]);
        for _ in 0..30 {
            assert!(readiness.report().now_or_never().is_none(), "there is no answer yet");
        }
        assert_eq!(probes.load(Ordering::SeqCst), 1);
        answer.send_replace(true);
        assert!(readiness.report().await.is_ready());
        assert!(readiness.report().await.is_ready());
        assert_eq!(probes.load(Ordering::SeqCst), 2, "an old result is not used again");
    }

    #[tokio::test]
    async fn a_draining_process_is_not_ready() {
        let readiness = Readiness::default();
        readiness.started(vec![up("mysql", true)]);
        assert!(readiness.report().await.is_ready());
        readiness.drain();
        assert!(!readiness.report().await.is_ready());
    }
}
