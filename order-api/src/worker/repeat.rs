//! Work that is repeated at intervals.

use std::error::Error;
use std::time::Duration;

use service_host::Progress;
use tokio_util::sync::CancellationToken;

/// Repeats `work` until the process shuts down, with a pause after each round.
pub async fn repeat<F, E>(
    progress: &Progress,
    shutdown: &CancellationToken,
    pause: Duration,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<(), E>>,
    E: Error + 'static,
{
    while !shutdown.is_cancelled() {
        match work().await {
            Ok(()) => progress.succeeded(),
            Err(error) => {
                let worker = progress.worker();
                tracing::warn!(worker, error = telemetry::chain(&error), "a round of a worker failed");
                progress.failed(&error);
            }
        }
        let _ = shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}
