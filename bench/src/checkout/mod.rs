//! `cargo xtask bench checkout`: checkouts a second through the gateway, against their own SQL straight on the database.
//!
//! * **The floor** ([`floor`]) is every statement of a whole checkout, of all three services' schemas and in the
//!   services' own transactions, by as many connections as there are customers, from this process. It has no HTTP, no
//!   token, no JSON and no Redis. Its rows are real: what it writes keeps the promises, too.
//! * **Ours** ([`orders`]) are `POST /api/order/orders` through the gateway, each of a cart that was put into Redis just
//!   before as order-api itself had written it.
//! * **Hot rows**: orders that all go to one seller, or all buy one option, are held against what the database makes of
//!   one hot row: the share of the many-row rate that is left of a transaction like a reservation's when all of them
//!   want the same row, measured in the same run.
//!
//! Floor and ours take turns, and the median of the ratios counts. What is done behind an answer (stock is marked as sold,
//! the outbox is emptied) counts, too: the rate is over the time until nothing is left to do.

mod cost;
mod floor;
mod hot_row;
mod market;
mod orders;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::arena;
use crate::figures::{Figures, Of};
use crate::load::{Measured, Span, median, middle};
use cost::Meter;
use market::{Market, Pick};

/// What is to be reached of the floor.
const AIM: f64 = 0.5;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Customers who order at the same time, and connections of the floor
    #[arg(long, default_value_t = 16)]
    customers: u32,
    /// How often floor and ours take turns
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// For how long each turn is measured, in seconds
    #[arg(long, default_value_t = 4)]
    seconds: u64,
}

/// The rates of one kind of order.
struct Compared {
    what: &'static str,
    floor: Vec<Measured>,
    ours: Vec<Measured>,
}

impl Compared {
    fn ratio(&self) -> f64 {
        median(
            self.floor
                .iter()
                .zip(&self.ours)
                .map(|(floor, ours)| ours.per_second / floor.per_second)
                .collect(),
        )
    }
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let span = Span { warm_up: Duration::from_secs(1), measured: Duration::from_secs(arguments.seconds) };
    println!(
        "bench checkout: {} customers at once, {} rounds of {} s each, release profile, servers that wait for their disks",
        arguments.customers, arguments.rounds, arguments.seconds
    );
    let stack = arena::start(binaries, Vec::new()).await?;
    let market = Market::open(stack, arguments.customers).await?;
    println!("{}", market.servers().await?);

    let mut kinds = Vec::new();
    for (what, pick) in [("one line", Pick::OneLine), ("five lines, three sellers", Pick::FiveLines)] {
        let mut compared = Compared { what, floor: Vec::new(), ours: Vec::new() };
        for _ in 0..arguments.rounds {
            compared.floor.push(floor::measure(&market, pick, span).await?);
            compared.ours.push(orders::measure(&market, pick, span).await?);
        }
        kinds.push(compared);
    }
    let mut share = Vec::new();
    let mut hot = [("all from one seller", Pick::HotSeller), ("all the same option", Pick::HotOption)]
        .map(|(what, pick)| (what, pick, Vec::new()));
    for _ in 0..arguments.rounds.min(2) {
        share.push(hot_row::share_left(&market, span).await?);
        for (_, pick, ours) in &mut hot {
            ours.push(orders::measure(&market, *pick, span).await?);
        }
    }
    let share = median(share);

    let mut met = true;
    println!(
        "\n{:<28}{:>12}{:>10}{:>10}{:>10}{:>8}",
        "orders", "a second", "p50 ms", "p99 ms", "floor", "ratio"
    );
    for kind in &kinds {
        let ratio = kind.ratio();
        met &= verdict(kind.what, &kind.ours, Some(rate(&kind.floor)), ratio, AIM);
    }
    let many = rate(&kinds[0].ours);
    println!("\nOf a transaction on one hot row the database does {share:.2} of what it does on many rows.");
    for (what, _, ours) in &hot {
        met &= verdict(what, ours, None, rate(ours) / many, share);
    }
    println!("The last two are held against \"one line\": the aim is the share above.");

    for Compared { what, floor, ours } in kinds {
        figures.measured(Of::Dalkom, what, &middle(ours));
        figures.measured(Of::Floor, what, &middle(floor));
    }
    for (what, _, ours) in hot {
        figures.measured(Of::Dalkom, what, &middle(ours));
    }

    let meter = Meter::new(&market)?;
    println!("\n{}", meter.of_one(&market, Pick::OneLine, span, figures).await?);
    println!("{}", meter.of_one(&market, Pick::FiveLines, span, figures).await?);
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints a line of the table; whether the aim is met.
fn verdict(what: &str, ours: &[Measured], floor: Option<f64>, ratio: f64, aim: f64) -> bool {
    let met = ratio >= aim;
    println!(
        "{what:<28}{:>12.0}{:>10.1}{:>10.1}{:>10}{ratio:>8.2}  {} (aim {aim:.2})",
        rate(ours),
        median(ours.iter().map(|measured| millis(measured.percentile(50))).collect()),
        median(ours.iter().map(|measured| millis(measured.percentile(99))).collect()),
        floor.map(|floor| format!("{floor:.0}")).unwrap_or_default(),
        if met { "met" } else { "MISSED" },
    );
    met
}

fn rate(measured: &[Measured]) -> f64 {
    median(measured.iter().map(|measured| measured.per_second).collect())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
