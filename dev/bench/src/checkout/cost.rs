//! The cost of a checkout: the processor time of each process, and the statements of the database.

use std::fmt::Write as _;

use anyhow::Context as _;
use sqlx::MySqlPool;

use super::market::{Market, Pick};
use super::{floor, orders};
use crate::figures::{Figures, Of};
use crate::load::Span;
use crate::process::Process;

/// The parts with a figure of their own. The others do almost nothing for a checkout.
const BUSY: [&str; 6] = ["mariadb", "redis", "gateway", "member-api", "store-api", "order-api"];

/// Reads the counters before and after.
pub(crate) struct Meter {
    processes: Vec<(String, Process)>,
    pool: MySqlPool,
}

/// The counters.
struct Reading {
    processor_ms: Vec<f64>,
    statements: f64,
    orders: f64,
}

impl Meter {
    pub(crate) fn new(market: &Market) -> anyhow::Result<Self> {
        Ok(Self { processes: Process::all(&market.stack)?, pool: market.pool.clone() })
    }

    /// The cost of one checkout, through the gateway and straight on the database.
    pub(crate) async fn of_one(
        &self,
        market: &Market,
        pick: Pick,
        span: Span,
        figures: &mut Figures,
    ) -> anyhow::Result<String> {
        let began = self.read().await?;
        orders::measure(market, pick, span).await?;
        let between = self.read().await?;
        floor::measure(market, pick, span).await?;
        let ended = self.read().await?;
        let (ours, floor) = (Cost::of(&began, &between), Cost::of(&between, &ended));

        let mut text = String::new();
        let what = if pick == Pick::FiveLines { "five lines" } else { "one line" };
        writeln!(text, "{:<28}{:>12}{:>12}", format!("a checkout of {what} costs"), "ours", "floor")?;
        for (number, (name, _)) in self.processes.iter().enumerate() {
            let (ours, floor) = (ours.processor_ms[number], floor.processor_ms[number]);
            if ours + floor >= 0.005 {
                writeln!(text, "{name:<28}{ours:>9.2} ms{floor:>9.2} ms")?;
            }
        }
        let sum = |cost: &Cost| cost.processor_ms.iter().sum::<f64>();
        for (of, cost) in [(Of::Dalkom, &ours), (Of::Floor, &floor)] {
            figures.cost(of, &format!("{what}, processor time"), "ms", sum(cost));
            figures.cost(of, &format!("{what}, statements"), "", cost.statements);
        }
        for ((name, _), processor_ms) in self.processes.iter().zip(&ours.processor_ms) {
            if BUSY.contains(&name.as_str()) {
                figures.cost(Of::Dalkom, &format!("{what}, {name}"), "ms", *processor_ms);
            }
        }
        writeln!(text, "{:<28}{:>9.2} ms{:>9.2} ms", "processor time, together", sum(&ours), sum(&floor))?;
        writeln!(text, "{:<28}{:>12.1}{:>12.1}", "statements", ours.statements, floor.statements)?;
        write!(text, "{:<28}{:>12.0}{:>12.0}", "number of orders", ours.orders, floor.orders)?;
        Ok(text)
    }

    async fn read(&self) -> anyhow::Result<Reading> {
        let processor_ms = self.processes.iter().map(|(_, process)| processor_ms(*process));
        let processor_ms = processor_ms.collect::<anyhow::Result<_>>()?;
        let orders: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM orders.orders").fetch_one(&self.pool).await?;
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53 orders")]
        let orders = orders as f64;
        Ok(Reading { processor_ms, statements: self.statements().await?, orders })
    }

    async fn statements(&self) -> anyhow::Result<f64> {
        let (_, value): (String, String) =
            sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Questions'").fetch_one(&self.pool).await?;
        value.parse().context("the number of statements is not a number")
    }
}

/// The cost of one checkout.
struct Cost {
    processor_ms: Vec<f64>,
    statements: f64,
    orders: f64,
}

impl Cost {
    fn of(before: &Reading, after: &Reading) -> Self {
        let orders = after.orders - before.orders;
        let each = |after: f64, before: f64| (after - before) / orders.max(1.0);
        let processor_ms = after.processor_ms.iter().zip(&before.processor_ms);
        Self {
            processor_ms: processor_ms.map(|(after, before)| each(*after, *before)).collect(),
            statements: each(after.statements, before.statements),
            orders,
        }
    }
}

/// The processor time of a process so far.
fn processor_ms(process: Process) -> anyhow::Result<f64> {
    Ok(process.processor_time()?.as_secs_f64() * 1_000.0)
}
