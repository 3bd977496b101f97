//! `cargo xtask bench settlement`: settling a day with many lines, against the plain `INSERT … SELECT … GROUP BY` over them
//! and against the same insert from a table of ready-made totals; the cost of the running totals for a checkout; the memory
//! of the job, and its effect on checkouts at the same time.
//!
//! | file | owns |
//! |---|---|
//! | `lines` | a day with a given number of lines, generated in the database |
//! | `job` | running the job as an administrator, and reading its records |
//! | `floors` | the two inserts that it is compared with |
//! | `sizes` | the job and both floors at each number of lines |
//! | `totals` | confirming orders with and without the running totals |
//! | `meanwhile` | checkouts through the gateway while the job runs |

mod arguments;
mod floors;
mod job;
mod lines;
mod meanwhile;
mod sizes;
mod totals;

use std::path::PathBuf;
use std::process::ExitCode;

use stack::Override;

use crate::figures::Figures;
use crate::measured_stack;

pub(crate) use arguments::Arguments;

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
    let stack = measured_stack::start(binaries, overrides()).await?;
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

/// With these settings, the job runs only when an administrator asks for it.
fn overrides() -> Vec<Override> {
    vec![
        Override::new("order-api", "settlement.at", "23:59"),
        Override::new("order-api", "settlement.poll-s", 3_600),
    ]
}
