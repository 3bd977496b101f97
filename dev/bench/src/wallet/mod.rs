//! `cargo xtask bench wallet`: charges a second through member-api's own port, against the same three statements straight on
//! the database; the cost of a sign-in, against the hash of its password; and the memory of member-api after sign-ins.

mod charges;
mod cpu;
mod memory;
mod setup;
mod sign_ins;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::figures::Figures;
use crate::load::Span;
use crate::measured_stack;
use setup::{Bench, customers};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each turn is measured, in seconds
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often each figure is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The number of wallets in the cases with many wallets
    #[arg(long, default_value_t = 128)]
    wallets: usize,
    /// The number of sign-ins in a round
    #[arg(long, default_value_t = 100)]
    sign_ins: u32,
    /// A short run, to see whether the benchmark works; its figures are not reliable
    #[arg(long)]
    quick: bool,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let Arguments { seconds, rounds, wallets, sign_ins, quick } = arguments;
    let stack = measured_stack::start(binaries, Vec::new()).await?;
    let idle = memory::resident_mib(&stack)?;
    let bench = Bench {
        stack,
        customers: Vec::new(),
        rounds: if quick { 1 } else { rounds },
        span: Span {
            warm_up: Duration::from_millis(500),
            measured: Duration::from_secs(if quick { 1 } else { seconds }),
        },
        sign_ins: if quick { 10 } else { sign_ins },
    };
    let customers = customers(&bench.stack, if quick { 32 } else { wallets }).await?;
    let bench = Bench { customers, ..bench };
    println!(
        "\nRelease profile; {} cores; the database waits for its disk at each commit. {} wallets, or one. Each figure is the \
         median of {} rounds of {} s each, the floor and Dalkom in turns.",
        std::thread::available_parallelism()?,
        bench.customers.len(),
        bench.rounds,
        bench.span.measured.as_secs(),
    );
    let sign_ins_met = sign_ins::measure(&bench, figures).await?;
    let memory_met = memory::measure(&bench, idle, figures).await?;
    let charges_met = charges::measure(&bench, figures).await?;
    Ok(if sign_ins_met && memory_met && charges_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
