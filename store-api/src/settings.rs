//! The settings of this service, besides those that every process has.

use garde::Validate;
use serde::Deserialize;

/// The settings of store-api, besides those of every process.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The schema `store`.
    #[garde(dive)]
    pub database: database::Settings,
    /// Reservations: stock that is held for orders.
    #[garde(dive)]
    #[serde(default)]
    pub reservations: Reservations,
    /// The search index.
    #[garde(dive)]
    #[serde(default)]
    pub search: Search,
}

/// The section `reservations`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Reservations {
    /// The pause between two searches for expired reservations. Stock can come back on sale this much later than its
    /// reservation expires.
    #[garde(range(min = 10, max = 60_000))]
    pub expiry_interval_ms: u64,
}

impl Default for Reservations {
    fn default() -> Self {
        Self { expiry_interval_ms: 1_000 }
    }
}

/// The section `search`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Search {
    /// The pause between two updates of the search index. Searches see every change at once, but a search takes more work
    /// while the index does not know a change.
    #[garde(range(min = 10, max = 60_000))]
    pub index_interval_ms: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self { index_interval_ms: 200 }
    }
}
