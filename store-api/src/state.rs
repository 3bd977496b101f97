//! What every handler works with.

use batching::Batcher;
use clock::Clock;
use database::Database;

use crate::items::ItemsById;
use crate::search::ItemPages;

/// The parts of the service that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `store`.
    pub database: Database,
    /// Time, and new ids.
    pub clock: Clock,
    /// Items that are looked at.
    pub items_by_id: Batcher<ItemsById>,
    /// Lists of items that are looked at.
    pub item_pages: Batcher<ItemPages>,
}

impl AppState {
    /// One for each process.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self {
            items_by_id: Batcher::new(ItemsById::new(database.clone())),
            item_pages: Batcher::new(ItemPages::new(database.clone())),
            database,
            clock,
        }
    }
}
