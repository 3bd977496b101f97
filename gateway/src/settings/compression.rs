//! The section `compression`.

use garde::Validate;
use serde::Deserialize;

/// Which answers are compressed, of the routes that say `compress`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CompressionSettings {
    /// An answer with fewer bytes is sent as it is: compression would spare less than it costs.
    #[garde(range(min = 100, max = 1_000_000))]
    pub min_bytes: u64,
    /// An answer with more bytes is sent as it is, and so is one that does not say how many it has. An answer that is compressed is
    /// in memory as a whole for a moment.
    #[garde(range(min = 1_000, max = 4_000_000))]
    pub max_bytes: u64,
}

impl Default for CompressionSettings {
    fn default() -> Self {
        Self { min_bytes: 1_000, max_bytes: 256_000 }
    }
}
