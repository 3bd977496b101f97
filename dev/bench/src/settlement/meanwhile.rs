//! Checkouts through the gateway while the job runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::json;
use stack::Stack;
use testkit::Client;
use testkit::member::Member;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::arguments::Arguments;
use super::job::{self, Administrator};
use super::lines;
use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::measured_stack::blocking;
use crate::process::Process;
use crate::shop::Shop;

const CUSTOMERS: usize = 4;
/// The time between two orders of a customer.
const PAUSE: Duration = Duration::from_millis(40);
/// How long checkouts are measured without the job, before each run of it.
const ALONE: Duration = Duration::from_secs(2);
/// The time after a change of the phase, which does not count.
const SETTLING: Duration = Duration::from_millis(300);
const RUNS: u32 = 12;
const QUICK_RUNS: u32 = 2;
const AIM: f64 = 1.5;

/// What runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing that counts.
    Between = 0,
    /// Checkouts alone.
    Alone = 1,
    /// Checkouts and the job.
    WithJob = 2,
}

/// The time of each checkout, and the phase in which it began and ended.
type Times = Vec<(Phase, Duration)>;

/// Measures and prints. True if the aim is met.
pub(super) async fn measure(
    stack: &Arc<Stack>,
    arguments: &Arguments,
    figures: &mut Figures,
) -> anyhow::Result<bool> {
    let runs = if arguments.quick { QUICK_RUNS } else { RUNS };
    let rows = lines::rows(stack).await?;
    let day = lines::yesterday(&rows).await?;
    let count = arguments.lines.first().copied().unwrap_or_default();
    blocking(stack, |stack| stack.stop("order-api")).await?;
    job::reset(&rows).await?;
    lines::make(&rows, &day, count, arguments.sellers).await?;
    blocking(stack, |stack| stack.start_again("order-api")).await?;
    job::read_ahead(&rows, &day).await?;

    let phase = Arc::new(AtomicU8::new(Phase::Between as u8));
    let stop = Arc::new(AtomicBool::new(false));
    let gateway = Client::at(&stack.gateway_url());
    let option = Shop::open(&gateway, 1, 1, 1_000, 1_000_000).await.option_ids().remove(0);
    let mut shoppers: JoinSet<anyhow::Result<Times>> = JoinSet::new();
    for _ in 0..CUSTOMERS {
        let shopper = Shopper::new(stack, &option).await?;
        shoppers.spawn(shopper.shop(Arc::clone(&phase), Arc::clone(&stop)));
    }
    let database = Process::of(stack, "mariadb")?;
    let mut administrator = Administrator::new(stack).await?;
    for _ in 0..runs {
        job::reset(&rows).await?;
        tokio::time::sleep(SETTLING).await;
        phase.store(Phase::Alone as u8, Ordering::Relaxed);
        tokio::time::sleep(ALONE).await;
        phase.store(Phase::WithJob as u8, Ordering::Relaxed);
        job::settle(&rows, database, &mut administrator, &day).await?;
        phase.store(Phase::Between as u8, Ordering::Relaxed);
    }
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    while let Some(of_one) = shoppers.join_next().await {
        all.extend(of_one??);
    }
    Ok(print(&all, count, figures))
}

/// A customer with enough money.
struct Shopper {
    gateway: Connection,
    token: String,
    option: String,
}

impl Shopper {
    async fn new(stack: &Stack, option: &str) -> anyhow::Result<Self> {
        let customer = Member::customer(&Client::at(&stack.gateway_url()), 10_000_000).await;
        let gateway = Connection::open(&stack.gateway_url()).await?;
        Ok(Self { gateway, token: customer.token, option: option.to_owned() })
    }

    async fn shop(mut self, phase: Arc<AtomicU8>, stop: Arc<AtomicBool>) -> anyhow::Result<Times> {
        let mut all = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let cart = format!("/api/order/cart/lines/{}", self.option);
            let one = json!({ "quantity": 1 });
            self.send(Method::PUT, &cart, &one, StatusCode::OK).await?;
            let before = phase.load(Ordering::Relaxed);
            let began = Instant::now();
            self.send(Method::POST, "/api/order/orders", &json!({}), StatusCode::CREATED).await?;
            let took = began.elapsed();
            let after = phase.load(Ordering::Relaxed);
            for one in [Phase::Alone, Phase::WithJob] {
                if before == one as u8 && after == before {
                    all.push((one, took));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(all)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        status: StatusCode,
    ) -> anyhow::Result<()> {
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let answer = self.gateway.send(method, path, Some(&self.token), &headers, Some(body)).await?;
        answer.expect(status);
        Ok(())
    }
}

fn print(all: &Times, count: u64, figures: &mut Figures) -> bool {
    let times = |phase: Phase| {
        let mut times: Vec<Duration> =
            all.iter().filter(|(in_phase, _)| *in_phase == phase).map(|(_, took)| *took).collect();
        times.sort_unstable();
        times
    };
    println!(
        "Checkouts of one line through the gateway, {CUSTOMERS} customers who pause {} ms each",
        PAUSE.as_millis()
    );
    println!("    {:44} {:>9} {:>10} {:>10}", "", "checkouts", "p50", "p99");
    let mut p99 = [f64::NAN; 2];
    let phases = [
        (Phase::Alone, "alone".to_owned()),
        (Phase::WithJob, format!("while a day of {count} lines is settled")),
    ];
    for ((phase, name), p99) in phases.into_iter().zip(&mut p99) {
        let times = times(phase);
        let at = |percent: usize| {
            let time = times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
            time.as_secs_f64() * 1_000.0
        };
        *p99 = at(99);
        for percent in [50, 99] {
            figures.cost(Of::Dalkom, &format!("checkouts {name}, p{percent}"), "ms", at(percent));
        }
        println!("    {name:44} {:>9} {:>7.1} ms {:>7.1} ms", times.len(), at(50), at(99));
    }
    let ratio = p99[1] / p99[0];
    let met = ratio <= AIM;
    println!("\n  {:58} {ratio:>8.2}   aim ≤ {AIM:<8} {}\n", "p99 while it runs / p99 alone", verdict(met));
    met
}
