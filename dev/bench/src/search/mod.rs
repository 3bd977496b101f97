//! `cargo xtask bench search`: searches and lists over catalogues of growing size, each against the fastest hand-written
//! SQL for the same answer.
//!
//! | file | owns |
//! |---|---|
//! | [`questions`] | the requests, and the SQL for the same answers |
//! | [`workers`] | sending the requests to the service, and the SQL to the database |
//! | [`correctness`] | whether the answers are right at these sizes |
//! | [`report`] | the table, the growth and the aims |

mod correctness;
mod questions;
mod report;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sqlx::MySqlPool;
use stack::Stack;
use tokio::task::spawn_blocking;

use crate::figures::Figures;
use crate::load::{Measured, Span, drive, median};
use crate::measured_stack;
use questions::{Aim, Question, Request, Shape};
use report::{Row, Side};
use workers::{DatabaseWorker, ServiceWorker};

/// The average number of items of a store.
const ITEMS_OF_A_STORE: u32 = 100;
/// Few connections, so that none waits for another: they show the time of an answer.
const FEW: u32 = 2;
/// Many connections, so that all cores are busy: they show the number of answers a second.
const MANY: u32 = 32;
/// How often SQL that reads most of the table is run, one run after the other.
const SCANS: u32 = 3;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The sizes of the catalogue, in items
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    sizes: Vec<u32>,
    /// The number of rounds of each question, in turns with its SQL
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The length of a round, in milliseconds
    #[arg(long, default_value_t = 700)]
    round_ms: u64,
    /// Only questions with this in their name
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
    let stack = measured_stack::start(binaries, Vec::new()).await?;
    let database = measured_stack::database(&stack, "store", MANY).await?;
    println!(
        "store-api's own port, {FEW} or {MANY} connections in closed loops. The database, the service and this benchmark \
         share the cores.\nThe SQL runs prepared on as many connections, in turns with the service.\nRelease profile, {} \
         rounds of {} ms for each question and side; medians of the rounds.",
        arguments.rounds, arguments.round_ms
    );
    let mut tables = Vec::new();
    let mut before = 0;
    for (position, size) in sizes.iter().enumerate() {
        add_items(&stack, u64::try_from(position)? + 1, size - before).await?;
        before = *size;
        report::head(*size);
        let rows = measure(&stack, &database, &arguments).await?;
        for row in &rows {
            row.note(*size, figures);
        }
        correctness::check(&stack.url("store-api")?, &database).await?;
        tables.push((*size, rows));
    }
    let good = report::verdict(&tables);
    drop(database);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Adds `items` items by `store-api seed`.
async fn add_items(stack: &Stack, seed: u64, items: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut command = stack.command("store-api")?;
    command.args(["--log", "warn", "seed", "--seed", &seed.to_string(), "--items", &items.to_string()]);
    command.args(["--stores", &(items / ITEMS_OF_A_STORE).max(1).to_string()]);
    let status = spawn_blocking(move || command.status()).await?.context("running `store-api seed`")?;
    ensure!(status.success(), "`store-api seed` failed: {status}");
    println!("\n{items} items added and indexed in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn measure(stack: &Stack, database: &MySqlPool, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let url = stack.url("store-api")?;
    let mut rows = Vec::new();
    for question in questions::all(&url, database).await? {
        if arguments.only.as_ref().is_some_and(|part| !question.name.contains(part.as_str())) {
            continue;
        }
        let many = matches!(question.aim, Aim::Rate(_)).then_some(MANY);
        for connections in [FEW].into_iter().chain(many) {
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
    // Each worker begins with another request, so that they do not all send the same one at the same time.
    let (requests, workers) = (question.requests.len(), usize::try_from(connections)?);
    let turns: Vec<usize> = (0..workers).map(|number| number * requests / workers).collect();
    for _ in 0..arguments.rounds {
        if scan.is_none() {
            let mut workers = Vec::new();
            for &turn in &turns {
                workers.push(DatabaseWorker::new(database.acquire().await?, question.requests.clone(), turn));
            }
            raw.push(drive(workers, span).await?);
        }
        let mut workers = Vec::new();
        for &turn in &turns {
            workers.push(ServiceWorker::open(url, question.requests.clone(), turn).await?);
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

/// Runs SQL that takes long a few times, one after the other.
async fn scan(database: &MySqlPool, question: &Question) -> anyhow::Result<Side> {
    let mut took = Vec::new();
    let mut raw = DatabaseWorker::new(database.acquire().await?, question.requests.clone(), 0);
    for _ in 0..SCANS {
        let began = Instant::now();
        raw.run(&Request::first(&question.requests)?).await?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    let slowest = took.iter().copied().fold(0.0, f64::max);
    let middle = median(took);
    Ok(Side { per_second: 1_000.0 / middle, p50_ms: middle, p99_ms: slowest })
}
