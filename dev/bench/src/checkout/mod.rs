//! `cargo xtask bench checkout`: checkouts a second through the gateway, against their own SQL straight on the database.
//!
//! * **The floor** ([`floor`]): this process executes every statement of a whole checkout, in the schemas of all three
//!   services and in their transactions, on as many connections as there are customers. It has no HTTP, no token, no JSON
//!   and no Redis. Its rows are real and keep the promises, too.
//! * **Ours** ([`orders`]): `POST /api/order/orders` through the gateway. The cart of each order is put into Redis just
//!   before, in the form in which order-api has written it.
//! * **Hot rows**: all orders go to one seller, or buy one option. They are compared with the database itself: the share of
//!   the rate on many rows that a transaction like a reservation reaches on one row, measured in the same run.
//!
//! Floor and ours take turns, and the median of the ratios counts. The work after an answer (stock is marked as sold, the
//! outbox is emptied) counts, too: the rate is over the time until all work is finished.

mod cost;
mod floor;
mod hot_row;
mod market;
mod orders;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::aim;
use crate::figures::{Figures, Of};
use crate::load::{Measured, Span, median, middle};
use crate::measured_stack;
use cost::Meter;
use market::{Market, Pick};

/// The share of the floor that is to be reached.
const AIM: f64 = 0.5;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Customers who order at the same time, and connections of the floor
    #[arg(long, default_value_t = 16)]
    customers: u32,
    /// How often the floor and Dalkom take turns
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long each turn is measured, in seconds
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
    let stack = measured_stack::start(binaries, Vec::new()).await?;
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
    println!("\nOn one hot row the database itself reaches {share:.2} of its rate on many rows.");
    for (what, _, ours) in &hot {
        met &= verdict(what, ours, None, rate(ours) / many, share);
    }
    println!("The last two are compared with \"one line\"; their aim is this share.");

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

/// Prints a line of the table. True if the aim is met.
fn verdict(what: &str, ours: &[Measured], floor: Option<f64>, ratio: f64, aim: f64) -> bool {
    let met = ratio >= aim;
    println!(
        "{what:<28}{:>12.0}{:>10.1}{:>10.1}{:>10}{ratio:>8.2}  {} (aim {aim:.2})",
        rate(ours),
        median(ours.iter().map(|measured| millis(measured.percentile(50))).collect()),
        median(ours.iter().map(|measured| millis(measured.percentile(99))).collect()),
        floor.map(|floor| format!("{floor:.0}")).unwrap_or_default(),
        aim::verdict(met),
    );
    met
}

fn rate(measured: &[Measured]) -> f64 {
    median(measured.iter().map(|measured| measured.per_second).collect())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
