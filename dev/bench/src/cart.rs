//! `cargo xtask bench cart`: cart reads and writes, against the same commands sent straight to Redis.
//!
//! The cart itself (`order_api::cart::Carts`) is measured in this process with one connection, like in an instance of
//! order-api. The floor sends the commands that a cart needs on a connection of the same kind: for a write HSET, EXPIRE and
//! HGETALL, for a read EXPIRE and HGETALL, in one round trip, and ignores the answer. A cart does it in a script or a
//! transaction, so that it is atomic, and parses the answer.
//!
//! The same is also shown through order-api's own port, without an aim: HTTP, the token, and the comparison of every line
//! with store-api have no counterpart in Redis.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use access::MemberId;
use clock::Clock;
use http::{Method, StatusCode};
use money::Won;
use order_api::cart::line::Seen;
use order_api::cart::{Carts, NewLine};
use order_api::quantity::Quantity;
use order_api::settings::RedisSettings;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use testkit::Client;
use testkit::member::Member;
use uuid::Uuid;

use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::load::{Measured, Span, Work, drive, median, middle};
use crate::measured_stack;
use crate::shop::Shop;

/// The share of the floor that is to be reached.
const AIM: f64 = 0.5;
/// The number of lines of each cart.
const LINES: usize = 5;
const KEPT_S: i64 = 30 * 24 * 60 * 60;
/// The kinds of work, and whether they write.
const KINDS: [(&str, bool); 2] = [("write", true), ("read", false)];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Customers who use their carts at the same time
    #[arg(long, default_value_t = 16)]
    customers: usize,
    /// How often the floor and the cart take turns
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each turn is measured, in seconds
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let Arguments { customers, rounds, seconds } = arguments;
    let span = Span { warm_up: Duration::from_millis(300), measured: Duration::from_secs(seconds) };
    println!(
        "bench cart: {customers} carts of {LINES} lines at once, {rounds} rounds of {seconds} s each, release profile"
    );
    let stack = measured_stack::start(binaries, Vec::new()).await?;
    let url = stack.servers().redis_url();
    let raw = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    let settings = RedisSettings::at(url, 2_000);
    let carts = Carts::connect(&settings)?;

    println!(
        "\n{:<28}{:>12}{:>10}{:>10}{:>10}{:>8}",
        "cart", "a second", "p50 µs", "p99 µs", "floor", "ratio"
    );
    let mut met = true;
    for (what, writes) in KINDS {
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        let scripts = calls(&raw, "evalsha").await?;
        for _ in 0..rounds {
            floor.push(drive(raw_workers(&raw, customers, writes), span).await?);
            ours.push(drive(cart_workers(&carts, customers, writes).await?, span).await?);
        }
        let ratio =
            median(floor.iter().zip(&ours).map(|(floor, ours)| ours.per_second / floor.per_second).collect());
        met &= ratio >= AIM;
        let verdict = verdict(ratio >= AIM);
        row(what, &ours, Some(&floor), &format!("{ratio:>8.2}  {verdict} (aim {AIM:.2})"));
        figures.measured(Of::Dalkom, what, &middle(ours));
        figures.measured(Of::Floor, what, &middle(floor));
        if writes {
            println!(
                "  {} scripts were run in these rounds: each write is one command",
                calls(&raw, "evalsha").await? - scripts
            );
        }
    }
    let gateway = Client::at(&stack.gateway_url());
    let options = Shop::open(&gateway, 1, LINES, 38_000, 1_000).await.option_ids();
    for (what, writes) in KINDS {
        let workers = http_workers(&gateway, &stack.url("order-api")?, &options, customers, writes).await?;
        let ours = drive(workers, span).await?;
        let what = format!("{what}, by order-api's port");
        figures.measured(Of::Dalkom, &what, &ours);
        row(&what, &[ours], None, "");
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(what: &str, ours: &[Measured], floor: Option<&[Measured]>, rest: &str) {
    let rate = |all: &[Measured]| median(all.iter().map(|measured| measured.per_second).collect());
    let micros =
        |part| median(ours.iter().map(|measured| measured.percentile(part).as_secs_f64() * 1e6).collect());
    println!(
        "{what:<28}{:>12.0}{:>10.0}{:>10.0}{:>10}{rest}",
        rate(ours),
        micros(50),
        micros(99),
        floor.map(|floor| format!("{:.0}", rate(floor))).unwrap_or_default(),
    );
}

/// How often Redis has executed a command since its start.
async fn calls(redis: &MultiplexedConnection, command: &str) -> anyhow::Result<u64> {
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis.clone()).await?;
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    Ok(line.and_then(|line| line.split(',').next()).and_then(|calls| calls.parse().ok()).unwrap_or(0))
}

/// Sends the commands straight to Redis.
struct Raw {
    redis: MultiplexedConnection,
    key: String,
    fields: Vec<String>,
    line: String,
    writes: bool,
    turn: usize,
}

fn raw_workers(redis: &MultiplexedConnection, customers: usize, writes: bool) -> Vec<Raw> {
    let worker = |customer| Raw {
        redis: redis.clone(),
        key: format!("raw:{customer}"),
        fields: (0..LINES).map(|line| Uuid::from_u128(line as u128).to_string()).collect(),
        // As long as a line of a cart.
        line: "x".repeat(220),
        writes,
        turn: 0,
    };
    (0..customers).map(worker).collect()
}

impl Work for Raw {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let mut commands = redis::pipe();
        if self.writes {
            commands.hset(&self.key, &self.fields[self.turn % LINES], &self.line).ignore();
        }
        commands.expire(&self.key, KEPT_S).ignore().hgetall(&self.key);
        commands.query_async::<redis::Value>(&mut self.redis).await?;
        Ok(())
    }
}

/// Uses a cart of order-api in this process.
struct InProcess {
    carts: Carts,
    clock: Clock,
    customer: MemberId,
    lines: Vec<NewLine>,
    writes: bool,
    turn: usize,
}

async fn cart_workers(carts: &Carts, customers: usize, writes: bool) -> anyhow::Result<Vec<InProcess>> {
    let clock = Clock::system();
    let mut workers = Vec::new();
    for customer in 0..customers {
        let lines: Vec<NewLine> = (0..LINES)
            .map(|line| NewLine {
                option_id: Uuid::from_u128(line as u128),
                quantity: Quantity::new(2).expect("two are not too many"),
                line_version: clock.new_id(),
                seen: Seen {
                    item_id: Uuid::from_u128(1),
                    item_name: "딸기 생크림 케이크".to_owned(),
                    option_name: "1호 (4~6인)".to_owned(),
                    price: Won::new(38_000),
                },
                added_at: clock.now(),
            })
            .collect();
        let customer = MemberId(Uuid::from_u128(customer as u128));
        for line in &lines {
            carts.set(customer, line).await?;
        }
        workers.push(InProcess {
            carts: carts.clone(),
            clock: clock.clone(),
            customer,
            lines,
            writes,
            turn: 0,
        });
    }
    Ok(workers)
}

impl Work for InProcess {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        if self.writes {
            let mut line = self.lines[self.turn % LINES].clone();
            line.line_version = self.clock.new_id();
            self.carts.set(self.customer, &line).await?;
        } else {
            self.carts.read(self.customer).await?;
        }
        Ok(())
    }
}

async fn http_workers(
    gateway: &Client<testkit::Server>,
    order_api: &str,
    option_ids: &[String],
    customers: usize,
    writes: bool,
) -> anyhow::Result<Vec<ByHttp>> {
    let mut workers = Vec::new();
    for _ in 0..customers {
        let customer = Member::customer(gateway, 0).await;
        let connection = Connection::open(order_api).await?;
        let mut worker =
            ByHttp { connection, customer, option_ids: option_ids.to_vec(), writes: true, turn: 0 };
        for _ in 0..LINES {
            worker.once().await?;
        }
        worker.writes = writes;
        workers.push(worker);
    }
    Ok(workers)
}

/// Uses a cart through order-api's own port.
struct ByHttp {
    connection: Connection,
    customer: Member,
    option_ids: Vec<String>,
    writes: bool,
    turn: usize,
}

impl Work for ByHttp {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let token = Some(self.customer.token.as_str());
        let answer = if self.writes {
            let path = format!("/api/order/cart/lines/{}", self.option_ids[self.turn % LINES]);
            self.connection.send(Method::PUT, &path, token, &[], Some(&json!({ "quantity": 2 }))).await?
        } else {
            self.connection.get("/api/order/cart", token).await?
        };
        answer.expect(StatusCode::OK);
        Ok(())
    }
}
