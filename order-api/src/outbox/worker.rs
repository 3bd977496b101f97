//! Claiming deliveries that are due.

use jobs::Queue;

use super::delivery::ClaimedDelivery;
use super::dispatch::Outbox;

/// The deliveries that are due, as the queue of a worker.
#[derive(Clone, Debug)]
pub struct DueDeliveries<S> {
    outbox: Outbox<S>,
    state: S,
}

impl<S> DueDeliveries<S> {
    /// The due deliveries of an outbox. `state` is the state of the service, for the handlers.
    pub fn new(outbox: Outbox<S>, state: S) -> Self {
        Self { outbox, state }
    }
}

impl<S: Clone + Send + Sync + 'static> Queue for DueDeliveries<S> {
    type Job = ClaimedDelivery;
    type Error = sqlx::Error;

    async fn claim_due(&self, limit: u32) -> sqlx::Result<Vec<ClaimedDelivery>> {
        self.outbox.claim_due(limit).await
    }

    async fn run(self, claimed: ClaimedDelivery) {
        self.outbox.deliver(&self.state, claimed).await;
    }
}
