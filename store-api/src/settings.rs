//! The settings of this service, besides those that every process has.

use std::time::Duration;

use garde::Validate;
use serde::Deserialize;
use service_host::Live;

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
    pub reservations: Live<Reservations>,
    /// The search index.
    #[garde(dive)]
    #[serde(default)]
    pub search: Live<Search>,
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

impl Reservations {
    /// The pause between two searches.
    pub const fn expiry_interval(&self) -> Duration {
        Duration::from_millis(self.expiry_interval_ms)
    }
}

impl Search {
    /// The pause between two updates.
    pub const fn index_interval(&self) -> Duration {
        Duration::from_millis(self.index_interval_ms)
    }
}
