//! `cargo xtask bench cart`: cart reads and writes, against the same commands sent to Redis as they are.
//!
//! What is held against Redis is the cart itself (`order_api::cart::Carts`), in this process and by one connection, as an
//! instance of order-api has it; the floor sends the commands that a cart needs by a connection of the same kind: for a
//! write HSET, EXPIRE and HGETALL, for a read EXPIRE and HGETALL, in one round trip, and looks at none of the answer. A
//! cart does it in a script or a transaction, so that it is atomic, and makes lines of the answer.
//!
//! Through order-api's own port the same is shown without an aim: HTTP, the token, and the comparison of every line with
//! store-api have no counterpart in Redis.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use access::MemberId;
use anyhow::Context as _;
use clock::Clock;
use http::Method;
use money::Won;
use order_api::cart::{Carts, NewLine};
use order_api::domain::cart::Seen;
use order_api::domain::quantity::Quantity;
use order_api::settings::RedisSettings;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arena;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::load::{Measured, Span, Work, drive, median, middle};
use crate::people::{Person, text};

/// What is to be reached of the floor.
const AIM: f64 = 0.5;
/// Lines of each cart.
const LINES: usize = 5;
const KEPT_S: i64 = 30 * 24 * 60 * 60;
/// The kind of work, read or write.
const KINDS: [(&str, bool); 2] = [("write", true), ("read", false)];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Customers who use their carts at the same time
    #[arg(long, default_value_t = 16)]
    customers: usize,
    /// How often floor and ours take turns
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// For how long each turn is measured, in seconds
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
    let stack = arena::start(binaries, Vec::new()).await?;
    let url = stack.servers().redis_url();
    let raw = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    let settings = RedisSettings { url, connect_timeout_ms: 2_000, response_timeout_ms: 2_000 };
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
        let verdict = if ratio >= AIM { "met" } else { "MISSED" };
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
    let shop = Shop::open(&stack).await?;
    for (what, writes) in KINDS {
        let ours = drive(shop.workers(customers, writes).await?, span).await?;
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

/// How often Redis was given a command since it started.
async fn calls(redis: &MultiplexedConnection, command: &str) -> anyhow::Result<u64> {
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis.clone()).await?;
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    Ok(line.and_then(|line| line.split(',').next()).and_then(|calls| calls.parse().ok()).unwrap_or(0))
}

/// The commands as they are.
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

/// A cart as order-api has it.
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
                wish: clock.new_id(),
                seen: Seen {
                    item_id: Uuid::from_u128(1),
                    item_name: "딸기 생크림 케이크".to_owned(),
                    option_name: "1호 (4~6인)".to_owned(),
                    price: Won::new(38_000),
                    sold_out: false,
                },
                at: clock.now(),
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
            line.wish = self.clock.new_id();
            self.carts.set(self.customer, &line).await?;
        } else {
            self.carts.read(self.customer).await?;
        }
        Ok(())
    }
}

/// Something to put into carts, and where order-api serves.
struct Shop {
    gateway: String,
    orders: String,
    option_ids: Vec<String>,
}

impl Shop {
    async fn open(stack: &stack::Stack) -> anyhow::Result<Self> {
        let gateway = stack.gateway_url();
        let mut connection = Connection::open(&gateway).await?;
        let seller = Person::sign_up(&mut connection, "sellers").await?;
        let token = Some(seller.token.as_str());
        let body = json!({ "name": "작은 공방", "description": "작은 공방입니다." });
        let store = connection.send(Method::POST, "/api/store/stores", token, &[], Some(&body)).await?;
        let options: Vec<Value> = (0..LINES)
            .map(|option| json!({ "name": format!("{option}호"), "price": 38_000, "quantity": 1_000 }))
            .collect();
        let body = json!({
            "name": "딸기 생크림 케이크", "description": "논산 설향 딸기와 생크림", "category": "CAKE", "options": options,
        });
        let path = format!("/api/store/stores/{}/items", text(&store.expect(201)?, "id")?);
        let item = connection.send(Method::POST, &path, token, &[], Some(&body)).await?.expect(201)?;
        let options = item["options"].as_array().context("an item without options")?;
        let option_ids = options
            .iter()
            .map(|option| text(option, "id").map(str::to_owned))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { gateway, orders: stack.url("order-api")?, option_ids })
    }

    async fn workers(&self, customers: usize, writes: bool) -> anyhow::Result<Vec<ByHttp>> {
        let mut gateway = Connection::open(&self.gateway).await?;
        let mut workers = Vec::new();
        for _ in 0..customers {
            let person = Person::sign_up(&mut gateway, "customers").await?;
            let orders = Connection::open(&self.orders).await?;
            let mut worker =
                ByHttp { orders, person, option_ids: self.option_ids.clone(), writes: true, turn: 0 };
            for _ in 0..LINES {
                worker.once().await?;
            }
            worker.writes = writes;
            workers.push(worker);
        }
        Ok(workers)
    }
}

/// A cart through order-api's own port.
struct ByHttp {
    orders: Connection,
    person: Person,
    option_ids: Vec<String>,
    writes: bool,
    turn: usize,
}

impl Work for ByHttp {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let token = Some(self.person.token.as_str());
        let answer = if self.writes {
            let path = format!("/api/order/cart/lines/{}", self.option_ids[self.turn % LINES]);
            self.orders.send(Method::PUT, &path, token, &[], Some(&json!({ "quantity": 2 }))).await?
        } else {
            self.orders.get("/api/order/cart", token).await?
        };
        answer.expect(200).map(|_| ())
    }
}
