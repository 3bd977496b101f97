//! The settings of this service, beside those that every process has.

use garde::Validate;
use serde::Deserialize;

/// The settings of store-api, beside those of every process.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The schema `store`.
    #[garde(dive)]
    pub database: database::Settings,
    /// Stock that is held for orders.
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
    /// How long after one look for reservations that are over the next one follows: so much later than its expiry a
    /// piece may be back on sale.
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
    /// How long after one look for changes that the index does not know the next one follows. Searches see changes at
    /// once, but work harder until the index knows them.
    #[garde(range(min = 10, max = 60_000))]
    pub index_interval_ms: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self { index_interval_ms: 200 }
    }
}
