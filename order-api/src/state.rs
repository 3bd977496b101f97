//! What every operation works with.

use std::sync::Arc;

use clock::Clock;
use database::Database;
use member_client::MemberClient;
use service_host::Live;
use store_client::StoreClient;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::cart::Carts;
use crate::outbox::Outbox;
use crate::settings::{CheckoutSettings, LineSettings, WorkerSettings};
use crate::settlement::counter_shards::CounterShards;
use crate::settlement::settler::Settler;

/// The parts of the service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `orders`.
    pub database: Database,
    /// The time, and new ids.
    pub clock: Clock,
    /// The carts in Redis.
    pub carts: Carts,
    /// The client of store-api.
    pub store: StoreClient,
    /// The client of member-api.
    pub member: MemberClient,
    /// The deliveries to other services.
    pub outbox: Outbox<AppState>,
    /// The shards of the running totals that this process uses now.
    pub counter_shards: CounterShards,
    /// Settles days.
    pub settler: Settler,
    /// The settings of operations.
    pub rules: Arc<Rules>,
    /// Work that outlives the request that began it. A process waits for it before it exits.
    pub background: TaskTracker,
}

/// The settings that operations read.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How orders are placed.
    pub checkout: Live<CheckoutSettings>,
    /// What can be done with an order line.
    pub lines: Live<LineSettings>,
    /// How unfinished work is claimed.
    pub worker: WorkerSettings,
}

impl AppState {
    /// When a lease ends that is taken now.
    pub(crate) fn lease_until(&self) -> OffsetDateTime {
        self.clock.now() + self.rules.worker.lease()
    }
}
