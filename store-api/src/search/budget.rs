/// How much a single search may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// So many matches are looked up and sorted without a thought for something better.
    pub look_up: u32,
    /// So many rows are read and judged in all. A key that is looked up, or passed in an index, counts as a part of one.
    pub rows: u32,
}

impl Effort {
    /// What a request gets.
    pub const USUAL: Self = Self { look_up: 1_000, rows: 1_000 };

    /// How many keys are read with the work of one row.
    pub(super) const KEYS_PER_ROW: u32 = 16;
}
