//! Work that is repeated at intervals.

use std::time::Duration;

use service_host::Progress;
use tokio_util::sync::CancellationToken;

/// Repeats `work`, with a pause after each round, until the process ends.
pub(crate) async fn repeat<F, E>(
    progress: &Progress,
    ending: &CancellationToken,
    pause: Duration,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + 'static,
{
    while !ending.is_cancelled() {
        match work().await {
            Ok(()) => progress.succeeded(),
            Err(error) => {
                let worker = progress.worker();
                tracing::warn!(worker, error = telemetry::chain(&error), "a round of a worker failed");
                progress.failed(&error);
            }
        }
        let _ = ending.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}
