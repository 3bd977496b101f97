/// What is to be sown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many stores.
    pub stores: u32,
    /// How many items, spread over the stores.
    pub items: u32,
    /// Another number gives another catalogue.
    pub seed: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many stores are there.
    Stores(u32),
    /// So many items are there.
    Items(u32),
    /// So many of so many items have been written to the search index.
    Indexed(u32, u32),
}
