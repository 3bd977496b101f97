use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How far a process has stopped serving. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<State>);

/// The flags are for those who ask with every request: asking a token locks it.
#[derive(Debug, Default)]
struct State {
    has_begun: AtomicBool,
    is_port_closed: AtomicBool,
    begun: CancellationToken,
    port_closed: CancellationToken,
}

impl Drain {
    /// From now on every answer says `Connection: close`, and clients of HTTP/2 get a GOAWAY, so that clients open their next connection elsewhere.
    pub fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Release);
        self.0.begun.cancel();
    }

    /// From now on no connection is accepted. Kept ones get a last chance to send a request that is on its way.
    pub fn close_port(&self) {
        self.begin();
        self.0.is_port_closed.store(true, Ordering::Release);
        self.0.port_closed.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.has_begun.load(Ordering::Acquire)
    }

    pub(super) fn is_port_closed(&self) -> bool {
        self.0.is_port_closed.load(Ordering::Acquire)
    }

    /// Waits until answers say that connections end.
    pub(super) async fn begun(&self) {
        self.0.begun.cancelled().await;
    }

    /// Waits until the port is to be closed.
    pub(super) async fn port_closed(&self) {
        self.0.port_closed.cancelled().await;
    }

    /// Waits until the port is closed, and for the last chance of idle connections.
    pub(super) async fn is_over(&self, last_chance: Duration) {
        self.port_closed().await;
        tokio::time::sleep(last_chance).await;
    }
}
