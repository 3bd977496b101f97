//! Claiming work and doing it.

use std::time::Duration;

use service_host::Progress;

use super::slots::Places;
use crate::checkout::db as checkouts;
use crate::checkout::saga::drive;
use crate::checkout::state::Checkout;
use crate::orders::db::orders;
use crate::outbox::db as outbox;
use crate::outbox::db::Leased;
use crate::outbox::deliver::deliver;
use crate::state::AppState;

/// A kind of work that is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Checkouts that nobody drives.
    Checkouts,
    /// Deliveries that nobody makes.
    Deliveries,
}

/// What is under way of one kind of work. Dropping it drops that: it is taken up again when its lease has run out.
#[derive(Debug)]
pub struct Pieces {
    app: AppState,
    work: Work,
    progress: Progress,
    places: Places,
}

impl Pieces {
    /// Nothing yet.
    pub fn new(app: AppState, work: Work, progress: Progress) -> Self {
        let places = Places::new(app.rules.worker.at_once, progress.clone());
        Self { app, work, progress, places }
    }

    /// Takes up what is due, as much of it as there are free places for. True where there may be more of it.
    pub async fn take_up(&mut self) -> sqlx::Result<bool> {
        let free = self.places.free();
        let claimed = match self.work {
            Work::Checkouts => self.take_up_checkouts(free).await?,
            Work::Deliveries => self.take_up_deliveries(free).await?,
        };
        self.progress.succeeded();
        Ok(claimed >= free as usize)
    }

    /// Waits until everything that is under way has ended.
    pub async fn finish(&mut self) {
        self.places.finish().await;
    }

    /// Waits until `pause` is over and there is room for more.
    pub(super) async fn wait(&mut self, pause: Duration) {
        self.places.wait(pause).await;
    }

    async fn take_up_checkouts(&mut self, free: u32) -> sqlx::Result<usize> {
        let (now, lease_until) = (self.app.clock.now(), self.app.lease_until());
        let claim = self.app.database.run_tx("checkouts_claim_due", move |tx| {
            Box::pin(async move { checkouts::claim_due(tx, now, lease_until, free).await })
        });
        let claimed: Vec<Checkout> = claim.await?;
        let count = claimed.len();
        for checkout in claimed {
            self.places.begin(drive_claimed(self.app.clone(), checkout));
        }
        Ok(count)
    }

    async fn take_up_deliveries(&mut self, free: u32) -> sqlx::Result<usize> {
        let (now, lease_until) = (self.app.clock.now(), self.app.lease_until());
        let claim = self.app.database.run_tx("outbox_claim_due", move |tx| {
            Box::pin(async move { outbox::claim_due(tx, now, lease_until, free).await })
        });
        let claimed: Vec<Leased> = claim.await?;
        let count = claimed.len();
        for leased in claimed {
            let app = self.app.clone();
            self.places.begin(async move { deliver(&app, leased).await });
        }
        Ok(count)
    }
}

async fn drive_claimed(app: AppState, checkout: Checkout) {
    let order_id = checkout.order_id;
    match app.database.read("order_find", move |db| Box::pin(orders::find(db, order_id))).await {
        Ok(Some(order)) => {
            tracing::info!(%order_id, state = checkout.state.as_str(), attempt = checkout.attempt, "took up a checkout");
            drive(&app, order, checkout).await;
        }
        // A foreign key keeps an order for every checkout.
        Ok(None) => tracing::error!(%order_id, "a checkout has no order"),
        // Its lease runs out.
        Err(error) => tracing::warn!(%order_id, %error, "could not read a checkout's order"),
    }
}
