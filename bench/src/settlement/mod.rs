//! `cargo xtask bench settlement`: settling a day of many lines, against the plain `INSERT … SELECT … GROUP BY` over them
//! and against the same insert from a table of ready-made totals; what the running totals cost each checkout; what the
//! job needs of memory, and what it does to those who buy meanwhile.
//!
//! | file | owns |
//! |---|---|
//! | `lines` | a day of so many lines, made within the database |
//! | `job` | running the job, as an administrator does, and what its records say |
//! | `floors` | the two inserts that it is measured against |
//! | `sizes` | the job and both floors at each number of lines |
//! | `totals` | confirming orders with and without the running totals |
//! | `meanwhile` | checkouts through the gateway while the job runs |

mod floors;
mod job;
mod lines;
mod meanwhile;
mod sizes;
mod totals;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use stack::{Override, Stack};
use tokio::task::spawn_blocking;

use crate::arena;
use crate::figures::Figures;

/// What is measured, and how long.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many lines the days have, the smallest first
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000, 10_000_000])]
    lines: Vec<u64>,
    /// How many sellers have sold them
    #[arg(long, default_value_t = 100_000)]
    sellers: u64,
    /// How often each day is settled
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// A small day, and short rounds: whether it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Leaves out what the totals cost, and who buys meanwhile
    #[arg(long)]
    only_days: bool,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let arguments = if arguments.quick {
        Arguments { lines: vec![200_000], sellers: 20_000, rounds: 2, ..arguments }
    } else {
        arguments
    };
    let stack = arena::start(binaries, overrides()).await?;
    println!(
        "Release profile, private servers that wait for their disks, {} sellers; each figure is the median of {} rounds.\n",
        arguments.sellers, arguments.rounds
    );
    let mut met = sizes::measure(&stack, &arguments, figures).await?;
    if !arguments.only_days {
        met &= meanwhile::measure(&stack, &arguments, figures).await?;
        totals::measure(&stack, &arguments).await?;
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The job runs when it is asked for, and not by itself.
fn overrides() -> Vec<Override> {
    vec![
        Override::new("order-api", "settlement.at", "23:59"),
        Override::new("order-api", "settlement.poll-s", 3_600),
    ]
}

/// Stops a part, or starts it again.
async fn with_stack<T: Send + 'static>(
    stack: &Arc<Stack>,
    work: impl FnOnce(&Stack) -> Result<T, stack::StackError> + Send + 'static,
) -> anyhow::Result<T> {
    let stack = Arc::clone(stack);
    Ok(spawn_blocking(move || work(&stack)).await??)
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
