//! Claiming checkouts that are due.

use jobs::Queue;

use super::state::Checkout;
use super::{db, saga};
use crate::orders::db::orders;
use crate::state::AppState;

/// The checkouts that are due, as the queue of a worker.
#[derive(Clone, Debug)]
pub struct DueCheckouts {
    app: AppState,
}

impl DueCheckouts {
    /// The due checkouts of the service.
    pub fn new(app: AppState) -> Self {
        Self { app }
    }
}

impl Queue for DueCheckouts {
    type Job = Checkout;
    type Error = sqlx::Error;

    async fn claim_due(&self, limit: u32) -> sqlx::Result<Vec<Checkout>> {
        let (now, lease_until) = (self.app.clock.now(), self.app.lease_until());
        self.app
            .database
            .run_tx("checkouts_claim_due", move |connection| {
                Box::pin(async move { db::claim_due(connection, now, lease_until, limit).await })
            })
            .await
    }

    async fn run(self, checkout: Checkout) {
        let order_id = checkout.order_id;
        let find = self
            .app
            .database
            .read("order_find", move |connection| Box::pin(orders::find(connection, order_id)));
        match find.await {
            Ok(Some(order)) => {
                let (state, attempt) = (checkout.state.as_str(), checkout.lease.attempt);
                tracing::info!(%order_id, state, attempt, "claimed a checkout");
                saga::run(&self.app, order, checkout).await;
            }
            // A foreign key keeps an order for every checkout.
            Ok(None) => tracing::error!(%order_id, "a checkout has no order"),
            // The lease expires, and the checkout is claimed again.
            Err(error) => tracing::warn!(%order_id, %error, "could not read the order of a checkout"),
        }
    }
}
