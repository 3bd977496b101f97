use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How far a process has stopped serving. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    port_closed: CancellationToken,
}

impl Drain {
    /// From now on every answer says `Connection: close`, so that clients open their next connection elsewhere.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// From now on no connection is accepted. Kept ones get a last chance to send a request that is on its way.
    pub fn close_port(&self) {
        self.begun.cancel();
        self.port_closed.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits until the port is to be closed.
    pub(super) async fn port_closed(&self) {
        self.port_closed.cancelled().await;
    }

    /// Waits until the port is closed, and for the last chance of idle connections.
    pub(super) async fn is_over(&self, last_chance: Duration) {
        self.port_closed.cancelled().await;
        tokio::time::sleep(last_chance).await;
    }
}
