/// What to seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many stores.
    pub stores: u32,
    /// How many items, spread over the stores.
    pub items: u32,
    /// The seed number. Another number gives another catalogue.
    pub seed: u64,
}

/// The progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This many stores exist.
    Stores(u32),
    /// This many items exist.
    Items(u32),
    /// The search index has this many items, of this many.
    Indexed(u32, u32),
}
