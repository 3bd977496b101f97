//! Whether this process should be called, and what it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// A dependency that takes longer is not there for practical purposes.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a starting process looks whether it is ready.
const START_POLL: Duration = Duration::from_millis(25);

type Probe = Box<dyn Fn() -> Look + Send + Sync>;

/// What a look has found: nothing, or the error as text. Everybody who waits for it gets it.
type Look = Shared<BoxFuture<'static, Result<(), Arc<str>>>>;

/// One dependency and how to look after it.
pub(crate) struct Check {
    name: String,
    needed: bool,
    probe: Probe,
    /// The look that is under way. There is one at a time, however many ask for the report and hang up: a dependency
    /// that stands still is not asked again and again meanwhile.
    under_way: Mutex<Option<Look>>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    status: Status,
    dependencies: BTreeMap<String, Dependency>,
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
    status: Presence,
    needed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Presence {
    Up,
    Down,
}

/// The state behind the report.
#[derive(Default)]
pub(crate) struct Readiness {
    /// Known once the service has started.
    checks: OnceLock<Vec<Check>>,
    draining: CancellationToken,
    /// Dependencies that were down at the last look, so that a change is logged once.
    down: Mutex<BTreeSet<String>>,
}

impl Check {
    pub(crate) fn new<F, R, E>(name: impl Into<String>, needed: bool, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let probe = Box::new(move || {
            // In a task, so that it comes to its end when nobody waits for it any more.
            let look = tokio::spawn(check());
            let told = async move {
                let error = match look.await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => error.into(),
                    Err(panicked) => panicked.into(),
                };
                Err(telemetry::chain(error.as_ref()).into())
            };
            told.boxed().shared()
        });
        Self { name: name.into(), needed, probe, under_way: Mutex::default() }
    }

    /// The look that is under way, or a new one.
    fn current(&self) -> Look {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was given up by all who waited has perhaps ended since, unseen.
        if let Some(look) = under_way.as_ref().filter(|look| (*look).clone().now_or_never().is_none()) {
            return look.clone();
        }
        under_way.insert((self.probe)()).clone()
    }

    async fn look(&self) -> (String, Dependency) {
        let error = match tokio::time::timeout(CHECK_TIMEOUT, self.current()).await {
            Ok(found) => found.err().map(|error| error.to_string()),
            Err(_) => Some("it did not answer within a second".to_owned()),
        };
        let status = if error.is_none() { Presence::Up } else { Presence::Down };
        (self.name.clone(), Dependency { status, needed: self.needed, error })
    }
}

impl Report {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == Status::Ready
    }
}

impl Readiness {
    /// The service has started, and depends on this.
    pub(crate) fn started(&self, checks: Vec<Check>) {
        // Set by the one start of the process.
        let _ = self.checks.set(checks);
    }

    /// The process is told to stop: from now on it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// Looks at every dependency.
    pub(crate) async fn report(&self) -> Report {
        let Some(checks) = self.checks.get() else {
            return Report { status: Status::Starting, dependencies: BTreeMap::new() };
        };
        let dependencies: BTreeMap<_, _> =
            join_all(checks.iter().map(Check::look)).await.into_iter().collect();
        for (name, dependency) in &dependencies {
            self.log_change(name, dependency);
        }
        let misses_something =
            dependencies.values().any(|dependency| dependency.needed && dependency.status == Presence::Down);
        let status = match (self.draining.is_cancelled(), misses_something) {
            (true, _) => Status::Draining,
            (false, true) => Status::NotReady,
            (false, false) => Status::Ready,
        };
        Report { status, dependencies }
    }

    /// Waits until everything that is needed is there.
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
    async fn a_process_without_its_service_is_starting() {
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
    async fn what_is_not_needed_may_be_down() {
        assert_eq!(report(vec![up("mysql", true), down("redis", false)]).await["status"], "ready");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_is_down() {
        let report = report(vec![Check::new("mysql", true, std::future::pending::<io::Result<()>>)]).await;
        assert_eq!(report["dependencies"]["mysql"]["status"], "down");
    }

    #[tokio::test]
    async fn many_who_ask_and_hang_up_make_one_look() {
        let looks = Arc::new(AtomicUsize::new(0));
        let (answer, answered) = tokio::sync::watch::channel(false);
        let check = Check::new("mysql", true, {
            let looks = Arc::clone(&looks);
            move || {
                looks.fetch_add(1, Ordering::SeqCst);
                let mut answered = answered.clone();
                async move { answered.wait_for(|answered| *answered).await.map(drop).map_err(io::Error::other) }
            }
        });
        let readiness = Readiness::default();
        readiness.started(vec![check]);
        for _ in 0..30 {
            assert!(readiness.report().now_or_never().is_none(), "nobody has answered yet");
        }
        assert_eq!(looks.load(Ordering::SeqCst), 1);
        answer.send_replace(true);
        assert!(readiness.report().await.is_ready());
        assert!(readiness.report().await.is_ready());
        assert_eq!(looks.load(Ordering::SeqCst), 2, "what was found before is not believed later");
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
