//! Workers that repeat their work, and are started anew when they stand still.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How often it is looked whether a worker has moved.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long after its end a worker is started anew: one that fails at once shall not fill the log.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What a worker says of its work: one tells it, the host watches it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    worker: &'static str,
    rounds: Mutex<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    /// When the worker last showed that it does not stand still.
    moved_at: Instant,
    /// When it last succeeded in something; at first, when it was made.
    succeeded_at: Instant,
    /// What it has failed with since.
    error: Option<String>,
}

/// A worker that has done nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing was done for {idle_s} s{}", .error.as_ref().map(|error| format!("; last: {error}")).unwrap_or_default())]
pub(crate) struct NothingDone {
    idle_s: u64,
    error: Option<String>,
}

impl Progress {
    /// Of the worker with this name.
    pub fn new(worker: &'static str) -> Self {
        let now = Instant::now();
        let rounds = Mutex::new(Rounds { moved_at: now, succeeded_at: now, error: None });
        Self(Arc::new(Inner { worker, rounds }))
    }

    /// The worker's name.
    pub fn worker(&self) -> &'static str {
        self.0.worker
    }

    /// A round of the work succeeded, or found that there is nothing to do.
    pub fn succeeded(&self) {
        let now = Instant::now();
        *self.rounds() = Rounds { moved_at: now, succeeded_at: now, error: None };
    }

    /// A round failed, and another one follows.
    pub fn failed(&self, error: &(dyn Error + 'static)) {
        let mut rounds = self.rounds();
        rounds.moved_at = Instant::now();
        rounds.error = Some(telemetry::chain(error));
    }

    fn moved(&self) {
        self.rounds().moved_at = Instant::now();
    }

    /// Whether something was done within `limit`.
    pub(crate) fn check(&self, limit: Duration) -> Result<(), NothingDone> {
        let rounds = self.rounds();
        let idle = rounds.succeeded_at.elapsed();
        if idle <= limit {
            return Ok(());
        }
        Err(NothingDone { idle_s: idle.as_secs(), error: rounds.error.clone() })
    }

    /// Waits until the worker has stood still for longer than `limit`.
    async fn stands_still(&self, limit: Duration) {
        loop {
            let (still, idle) = {
                let rounds = self.rounds();
                (rounds.moved_at.elapsed(), rounds.succeeded_at.elapsed())
            };
            metrics::gauge!("worker_last_round_seconds", "worker" => self.worker()).set(idle.as_secs_f64());
            if still > limit {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.0.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a worker until it ends by itself. Where it panics, or says nothing for longer than `limit`, it is broken off at
/// the point where it waits, and started anew.
pub(crate) async fn watch<F>(progress: Progress, limit: Duration, start: impl Fn(Progress) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let worker = progress.worker();
    loop {
        progress.moved();
        let running = AbortOnDropHandle::new(tokio::spawn(start(progress.clone())));
        let reason = tokio::select! {
            end = running => match end {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(worker, %error, "a worker failed; it is started anew");
                    "panicked"
                }
            },
            () = progress.stands_still(limit) => {
                tracing::error!(worker, limit_s = limit.as_secs(), "a worker stands still; it is started anew");
                "stood_still"
            }
        };
        metrics::counter!("worker_restarts_total", "worker" => worker, "reason" => reason).increment(1);
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::Parts;
    use crate::readiness::Readiness;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A service with one watched worker, which does `first` when it is started, and when it is started anew repeats a
    /// round every second.
    fn serve_with(
        first: impl Fn(Progress) -> futures::future::BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> (Readiness, Arc<AtomicU32>) {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let parts = Parts::new(axum::Router::new()).watched_worker("baker", LIMIT, move |progress| {
            let first = (counted.fetch_add(1, Ordering::SeqCst) == 0).then(|| first(progress.clone()));
            async move {
                if let Some(first) = first {
                    first.await;
                }
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    progress.succeeded();
                }
            }
        });
        let readiness = Readiness::default();
        readiness.started(parts.checks);
        for (_, worker) in parts.workers {
            tokio::spawn(worker);
        }
        (readiness, starts)
    }

    async fn shown(readiness: &Readiness) -> (serde_json::Value, serde_json::Value) {
        let report = serde_json::to_value(readiness.report().await).unwrap();
        (report["status"].clone(), report["dependencies"]["worker baker"].clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_stands_still_is_seen_and_started_anew() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (readiness, starts) = serve_with(|_| Box::pin(std::future::pending()));
        tokio::time::sleep(Duration::from_secs(59)).await;
        let up = serde_json::json!({"status": "up", "needed": false});
        assert_eq!((shown(&readiness).await.1, starts.load(Ordering::SeqCst)), (up.clone(), 1));

        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let (status, baker) = shown(&readiness).await;
        assert_eq!((&status, &baker["status"]), (&"ready".into(), &"down".into()));
        assert_eq!(baker["error"], "nothing was done for 61 s");
        let is_shown = |line: &str| metrics.render().lines().any(|shown| shown == line);
        assert!(is_shown("worker_last_round_seconds{worker=\"baker\"} 61"), "{}", metrics.render());
        assert!(
            is_shown("worker_restarts_total{worker=\"baker\",reason=\"stood_still\"} 1"),
            "{}",
            metrics.render()
        );

        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!((shown(&readiness).await.1, starts.load(Ordering::SeqCst)), (up, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_is_started_anew() {
        let (readiness, starts) = serve_with(|_| Box::pin(async { panic!("the oven is off") }));
        tokio::time::sleep(2 * LIMIT).await;
        assert_eq!((&shown(&readiness).await.1["status"], starts.load(Ordering::SeqCst)), (&"up".into(), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_whose_rounds_all_fail_is_seen_and_left_at_work() {
        let failing = |progress: Progress| async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                progress.failed(&io::Error::other("no flour"));
            }
        };
        let (readiness, starts) = serve_with(move |progress| Box::pin(failing(progress)));
        tokio::time::sleep(2 * LIMIT).await;
        assert_eq!(shown(&readiness).await.1["error"], "nothing was done for 120 s; last: no flour");
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    }
}
