//! `cargo xtask bench wallet`: charges a second through member-api's own port, against the same three statements run
//! straight on the database; and what a sign-in costs, against the hash of its password.

mod charges;
mod cpu;
mod sign_ins;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use stack::{Override, Stack};

use crate::arena;
use crate::client::Connection;
use crate::figures::Figures;
use crate::load::Span;
use crate::people::Person;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each turn is measured, in seconds
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often each figure is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many wallets are charged, where it is not one
    #[arg(long, default_value_t = 128)]
    wallets: usize,
    /// How many sign-ins make a figure
    #[arg(long, default_value_t = 100)]
    sign_ins: u32,
    /// To see whether it runs: the figures are worth nothing
    #[arg(long)]
    quick: bool,
}

/// What both halves measure.
struct Bench {
    stack: Arc<Stack>,
    people: Vec<Person>,
    rounds: usize,
    span: Span,
    sign_ins: u32,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let Arguments { seconds, rounds, wallets, sign_ins, quick } = arguments;
    let bench = Bench {
        // Everybody comes from one address here.
        stack: arena::start(
            binaries,
            vec![Override::new("member-api", "sign-in.address-attempts", 1_000_000)],
        )
        .await?,
        people: Vec::new(),
        rounds: if quick { 1 } else { rounds },
        span: Span {
            warm_up: Duration::from_millis(500),
            measured: Duration::from_secs(if quick { 1 } else { seconds }),
        },
        sign_ins: if quick { 10 } else { sign_ins },
    };
    let people = customers(&bench.stack, if quick { 32 } else { wallets }).await?;
    let bench = Bench { people, ..bench };
    println!(
        "\nRelease profile; {} cores; the database waits for its disk at each commit. {} wallets, or one. Each figure is the \
         median of {} rounds of {} s each, the floor and Dalkom in turns.",
        std::thread::available_parallelism()?,
        bench.people.len(),
        bench.rounds,
        bench.span.measured.as_secs(),
    );
    let signs_in_cheaply = sign_ins::measure(&bench, figures).await?;
    let charges_quickly = charges::measure(&bench, figures).await?;
    Ok(if signs_in_cheaply && charges_quickly { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn customers(stack: &Stack, count: usize) -> anyhow::Result<Vec<Person>> {
    let mut connection = Connection::open(&stack.gateway_url()).await?;
    let mut people = Vec::new();
    for _ in 0..count {
        people.push(Person::sign_up(&mut connection, "customers").await?);
    }
    Ok(people)
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}
