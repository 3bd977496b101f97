//! Work that outlives the request that began it.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Waits until the process shuts down, and then until all background work has ended.
pub async fn drain_background(background: TaskTracker, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    background.close();
    background.wait().await;
}
