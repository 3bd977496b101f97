//! What every operation works with.

use std::sync::Arc;

use clock::Clock;
use database::Database;
use member_client::MemberClient;
use store_client::StoreClient;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::cart::redis::Carts;
use crate::settings::{CheckoutSettings, LineSettings, WorkerSettings};
use crate::settlement::counter_shards::Lanes;
use crate::settlement::settler::Settler;

/// The parts of the service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `orders`.
    pub database: Database,
    /// The time, and new ids.
    pub clock: Clock,
    /// The carts.
    pub carts: Carts,
    /// What is sold.
    pub store: StoreClient,
    /// The money.
    pub member: MemberClient,
    /// Who adds to the running totals right now.
    pub lanes: Lanes,
    /// What turns totals into settlements.
    pub settler: Settler,
    /// How it all behaves.
    pub rules: Arc<Rules>,
    /// Work that outlives the request which began it; a process that ends waits for it.
    pub background: TaskTracker,
}

/// The settings that operations read.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How an order is placed.
    pub checkout: CheckoutSettings,
    /// What can be done with an order line.
    pub lines: LineSettings,
    /// How unfinished work is taken up again.
    pub worker: WorkerSettings,
}

impl AppState {
    /// Until when work that is taken up now belongs to this process.
    pub(crate) fn lease_until(&self) -> OffsetDateTime {
        self.clock.now() + self.rules.worker.lease()
    }
}
