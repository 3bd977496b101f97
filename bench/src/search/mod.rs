//! `cargo xtask bench search`: searches and lists over catalogues of growing size, each against the fastest hand-written
//! SQL for the same answer.
//!
//! | file | owns |
//! |---|---|
//! | [`questions`] | what is asked, and the SQL that answers it |
//! | [`turns`] | asking the service, and asking the database |
//! | [`proof`] | whether the answers are right at these sizes |
//! | [`report`] | the table, the growth and the aims |

mod proof;
mod questions;
mod report;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sqlx::MySqlPool;
use stack::Stack;
use tokio::task::spawn_blocking;

use crate::arena;
use crate::figures::Figures;
use crate::load::{Measured, Span, drive, median};
use questions::{Aim, Asked, Question, Shape};
use report::{Row, Side};
use turns::{Asker, Raw};

/// A store has about so many items.
const ITEMS_OF_A_STORE: u32 = 100;
/// So few ask that none waits for another: how long an answer takes.
const FEW: u32 = 2;
/// So many ask that none of the cores waits: how many answers there can be.
const MANY: u32 = 32;
/// SQL that reads most of the table is run so often; a share of its time would say no more.
const SCANS: u32 = 3;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many items, step by step
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    sizes: Vec<u32>,
    /// How often each question is asked for a while, in turn with its SQL
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long a round is, in milliseconds
    #[arg(long, default_value_t = 700)]
    round_ms: u64,
    /// Only questions whose name has this in it
    #[arg(long)]
    only: Option<String>,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let mut sizes = arguments.sizes.clone();
    sizes.sort_unstable();
    let stack = arena::start(binaries, Vec::new()).await?;
    let database = arena::database(&stack, "store", MANY).await?;
    println!(
        "store-api's own port, {FEW} connections in closed loops, or {MANY}, on a machine whose cores are shared by the \
         database,\nthe service and what measures; the SQL runs on as many of its own, prepared, in \
         turn with the service.\nRelease profile, {} rounds of {} ms for each question and side; medians of the rounds.",
        arguments.rounds, arguments.round_ms
    );
    let mut tables = Vec::new();
    let mut there = 0;
    for (position, size) in sizes.iter().enumerate() {
        sow(&stack, u64::try_from(position)? + 1, size - there).await?;
        there = *size;
        report::head(*size);
        let rows = measure(&stack, &database, &arguments).await?;
        for row in &rows {
            row.note(*size, figures);
        }
        proof::prove(&stack.url("store-api")?, &database).await?;
        tables.push((*size, rows));
    }
    let good = report::verdict(&tables);
    drop(database);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Adds a catalogue of so many items, by the command that operators use, and waits until the database is quiet.
async fn sow(stack: &Stack, seed: u64, items: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut command = stack.command("store-api")?;
    command.args(["--log", "warn", "seed", "--seed", &seed.to_string(), "--items", &items.to_string()]);
    command.args(["--stores", &(items / ITEMS_OF_A_STORE).max(1).to_string()]);
    let status = spawn_blocking(move || command.status()).await?.context("running `store-api seed`")?;
    ensure!(status.success(), "`store-api seed` failed: {status}");
    println!("\n{items} items sown and indexed in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn measure(stack: &Stack, database: &MySqlPool, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let url = stack.url("store-api")?;
    let mut rows = Vec::new();
    for question in questions::all(&url, database).await? {
        if arguments.only.as_ref().is_some_and(|part| !question.name.contains(part.as_str())) {
            continue;
        }
        let crowd = matches!(question.aim, Aim::Rate(_)).then_some(MANY);
        for connections in [FEW].into_iter().chain(crowd) {
            let row = measure_one(&url, database, &question, connections, arguments).await?;
            report::line(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

async fn measure_one(
    url: &str,
    database: &MySqlPool,
    question: &Question,
    connections: u32,
    arguments: &Arguments,
) -> anyhow::Result<Row> {
    let span = Span {
        warm_up: Duration::from_millis(arguments.round_ms / 4),
        measured: Duration::from_millis(arguments.round_ms),
    };
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    let scan = match question.shape {
        Shape::Index | Shape::Walk => None,
        Shape::LongWalk | Shape::Scan => Some(scan(database, question).await?),
    };
    // Each begins elsewhere, so that they do not ask for the same in step where there is more to ask for.
    let (each, askers) = (question.asked.len(), usize::try_from(connections)?);
    let turns: Vec<usize> = (0..askers).map(|number| number * each / askers).collect();
    for _ in 0..arguments.rounds {
        if scan.is_none() {
            let mut workers = Vec::new();
            for &turn in &turns {
                workers.push(Raw::new(database.acquire().await?, question.asked.clone(), turn));
            }
            raw.push(drive(workers, span).await?);
        }
        let mut workers = Vec::new();
        for &turn in &turns {
            workers.push(Asker::open(url, question.asked.clone(), turn).await?);
        }
        ours.push(drive(workers, span).await?);
    }
    let ratios = ours.iter().zip(&raw).map(|(ours, raw)| ours.per_second / raw.per_second).collect();
    let ours = side(&ours);
    let (raw, ratio) = match scan {
        Some(scan) => (scan, ours.per_second / scan.per_second),
        None => (side(&raw), median(ratios)),
    };
    let (name, aim) = match question.aim {
        Aim::Rate(_) if connections == FEW => (question.name.to_owned(), Aim::None),
        aim @ Aim::Rate(_) => (format!("{}, {MANY} at once", question.name), aim),
        aim => (question.name.to_owned(), aim),
    };
    Ok(Row { name, aim, shape: question.shape, ours, raw, ratio })
}

fn side(rounds: &[Measured]) -> Side {
    let middle = |percent| {
        let of_rounds = rounds.iter().map(|round| round.percentile(percent).as_secs_f64() * 1_000.0);
        median(of_rounds.collect())
    };
    let per_second = median(rounds.iter().map(|round| round.per_second).collect());
    Side { per_second, p50_ms: middle(50), p99_ms: middle(99) }
}

/// A few runs, one after the other, of SQL that takes too long for more.
async fn scan(database: &MySqlPool, question: &Question) -> anyhow::Result<Side> {
    let mut took = Vec::new();
    let mut raw = Raw::new(database.acquire().await?, question.asked.clone(), 0);
    for _ in 0..SCANS {
        let began = Instant::now();
        raw.ask(&Asked::first(&question.asked)?).await?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    let slowest = took.iter().copied().fold(0.0, f64::max);
    let middle = median(took);
    Ok(Side { per_second: 1_000.0 / middle, p50_ms: middle, p99_ms: slowest })
}
