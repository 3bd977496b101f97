//! What the parts of settlement work with.

use clock::Clock;
use database::Database;

use crate::settings::SettlementSettings;

/// What the parts of settlement work with. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Resources {
    /// The schema `orders`.
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) settings: SettlementSettings,
}
