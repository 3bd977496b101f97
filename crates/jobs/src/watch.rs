use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::Progress;

/// How often the progress of a worker is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause before a worker is restarted, so that a worker that fails at once does not fill the log.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Runs a worker until it returns. A worker that panics, or reports nothing for longer than `limit`, is dropped at its current
/// await, and restarted.
pub async fn watch<F>(progress: Progress, limit: Duration, start: impl Fn(Progress) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let worker = progress.worker();
    loop {
        progress.started();
        let running = AbortOnDropHandle::new(tokio::spawn(start(progress.clone())));
        let reason = tokio::select! {
            end = running => match end {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(worker, %error, "a worker failed; it is restarted");
                    "panicked"
                }
            },
            () = until_silent(&progress, limit) => {
                tracing::error!(worker, limit_s = limit.as_secs(), "a worker reports nothing; it is restarted");
                "stood_still"
            }
        };
        metrics::counter!("worker_restarts_total", "worker" => worker, "reason" => reason).increment(1);
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

/// Waits until the worker has reported nothing for longer than `limit`.
async fn until_silent(progress: &Progress, limit: Duration) {
    loop {
        let (silent, idle) = progress.ages();
        metrics::gauge!("worker_last_round_seconds", "worker" => progress.worker()).set(idle.as_secs_f64());
        if silent > limit {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, pending};
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A worker that does `first` when it is started, and after a restart succeeds every second.
    fn watched(
        first: impl Fn(Progress) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> (Progress, Arc<AtomicU32>) {
        let (progress, starts) = (Progress::new("baker"), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&starts);
        tokio::spawn(watch(progress.clone(), LIMIT, move |progress| {
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
        }));
        (progress, starts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_stands_still_is_seen_and_started_anew() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (progress, starts) = watched(|_| Box::pin(pending()));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(progress.check(LIMIT).is_ok());
        assert_eq!(starts.load(Ordering::SeqCst), 1);

        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(progress.check(LIMIT).unwrap_err().to_string(), "nothing was done for 61 s");
        let shown = metrics.render();
        for line in [
            "worker_last_round_seconds{worker=\"baker\"} 61",
            "worker_restarts_total{worker=\"baker\",reason=\"stood_still\"} 1",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "no {line} in {shown}");
        }

        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(progress.check(LIMIT).is_ok());
        assert_eq!(starts.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_is_started_anew() {
        let (progress, starts) = watched(|_| Box::pin(async { panic!("the oven is off") }));
        tokio::time::sleep(2 * LIMIT).await;
        assert!(progress.check(LIMIT).is_ok());
        assert_eq!(starts.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_whose_rounds_all_fail_is_seen_and_left_at_work() {
        let failing = |progress: Progress| async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                progress.failed(&io::Error::other("no flour"));
            }
        };
        let (progress, starts) = watched(move |progress| Box::pin(failing(progress)));
        tokio::time::sleep(2 * LIMIT).await;
        let error = progress.check(LIMIT).unwrap_err().to_string();
        assert_eq!(error, "nothing was done for 120 s; last: no flour");
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    }
}
