//! What every handler works with.

use clock::Clock;
use database::Database;

/// The parts of the service that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `store`.
    pub database: Database,
    /// Time, and new ids.
    pub clock: Clock,
}
