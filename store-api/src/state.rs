//! What the handlers work with.

use clock::Clock;
use database::Database;
use group_commit::Batcher;

use crate::items::ItemsById;
use crate::search::ItemPages;

/// The parts of the service that all requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `store`.
    pub database: Database,
    /// Gives the time and new ids.
    pub clock: Clock,
    /// Reads items by id, in batches.
    pub items_by_id: Batcher<ItemsById>,
    /// Finds pages of items, once for all requests that wait for the same page.
    pub item_pages: Batcher<ItemPages>,
}

impl AppState {
    /// The state of a process.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self {
            items_by_id: Batcher::new(ItemsById::new(database.clone())),
            item_pages: Batcher::new(ItemPages::new(database.clone())),
            database,
            clock,
        }
    }
}
