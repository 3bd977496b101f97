//! The options of this benchmark.

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The numbers of lines of the days, the smallest first
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000, 10_000_000])]
    pub(super) lines: Vec<u64>,
    /// The number of sellers
    #[arg(long, default_value_t = 100_000)]
    pub(super) sellers: u64,
    /// How often each day is settled
    #[arg(long, default_value_t = 5)]
    pub(super) rounds: u32,
    /// A small day and short rounds, to see whether the benchmark works
    #[arg(long)]
    pub(super) quick: bool,
    /// Leaves out the cost of the totals, and the checkouts at the same time
    #[arg(long)]
    pub(super) only_days: bool,
}
