//! Rules: how much one search may read.

/// How much one search may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Up to this many matches are fetched and sorted. Among more matches, an index is scanned in its order.
    pub max_sorted: u32,
    /// The search stops after reading this many rows. [`Budget::KEYS_PER_ROW`] keys count as one row.
    pub max_rows: u32,
    /// A scan of an index reads this many keys in one statement.
    pub keys_at_once: u32,
}

impl Budget {
    /// The budget of a request.
    pub const DEFAULT: Self = Self { max_sorted: 1_000, max_rows: 1_000, keys_at_once: 1_000 };

    /// Reading this many keys costs as much as reading one row.
    pub(super) const KEYS_PER_ROW: u32 = 16;
}
