//! Charges a second.

use anyhow::ensure;
use clock::Clock;
use http::{Method, StatusCode};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use time::OffsetDateTime;
use uuid::Uuid;

use super::cpu::{PerTurn, Used};
use super::setup::{Bench, Customer};
use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::load::{Measured, Work, drive, median, middle};

const PATH: &str = "/api/member/me/wallet/charges";
const AMOUNT_WON: i64 = 1_000;
const AIM_MANY: f64 = 0.6;
const AIM_HOT: f64 = 0.8;
/// The account that is charged against.
const CASH: Uuid = Uuid::from_u128(1);

/// A case: the number of connections, and whether all of them charge one wallet or each its own wallets.
#[derive(Clone, Copy)]
struct Case {
    connections: usize,
    is_hot: bool,
}

const CASES: [Case; 5] = [
    Case { connections: 1, is_hot: false },
    Case { connections: 8, is_hot: false },
    Case { connections: 32, is_hot: false },
    Case { connections: 8, is_hot: true },
    Case { connections: 32, is_hot: true },
];

/// Measures and prints. True if every aim is met.
pub(super) async fn measure(bench: &Bench, figures: &mut Figures) -> anyhow::Result<bool> {
    println!(
        "\nCharges a second through member-api's own port, against BEGIN, the three statements of a transfer and COMMIT.\n"
    );
    println!(
        "  {:28} {:>9} {:>9} {:>9}  {:>9} {:>9} {:>9}  {:>6}",
        "", "floor /s", "p50", "p99", "Dalkom /s", "p50", "p99", "ratio"
    );
    let mut all_met = true;
    for case in CASES {
        all_met &= measure_case(bench, case, figures).await?;
    }
    let through_gateway = charges(bench, &bench.stack.gateway_url(), CASES[2]).await?;
    figures.measured(Of::Dalkom, "many wallets, 32 connections, through the gateway", &through_gateway);
    let Measured { per_second, .. } = through_gateway;
    println!(
        "\n  For information: 32 connections through the gateway, {per_second:.0} /s, p50 {}, p99 {}.",
        milliseconds(&through_gateway, 50),
        milliseconds(&through_gateway, 99)
    );
    Ok(all_met)
}

async fn measure_case(bench: &Bench, case: Case, figures: &mut Figures) -> anyhow::Result<bool> {
    let direct = bench.stack.url("member-api")?;
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    let (mut cpu_of_floor, mut cpu_of_ours) = (PerTurn::default(), PerTurn::default());
    for _ in 0..bench.rounds {
        let before = Used::now(&bench.stack)?;
        floors.push(floor(bench, case).await?);
        let between = Used::now(&bench.stack)?;
        ours.push(charges(bench, &direct, case).await?);
        let after = Used::now(&bench.stack)?;
        cpu_of_floor = between.per_turn_since(&before, turns(bench, floors.last()));
        cpu_of_ours = after.per_turn_since(&between, turns(bench, ours.last()));
    }
    let ratio =
        median(floors.iter().zip(&ours).map(|(floor, our)| our.per_second / floor.per_second).collect());
    let aim = if case.is_hot { AIM_HOT } else { AIM_MANY };
    let what = if case.is_hot { "one hot wallet" } else { "many wallets" };
    let (floor, our) = (middle(floors), middle(ours));
    let name = format!("{what}, {} connections", case.connections);
    figures.measured(Of::Dalkom, &name, &our);
    figures.cost(Of::Dalkom, &format!("{name}, processor time"), "µs", cpu_of_ours.of_stack());
    figures.measured(Of::Floor, &name, &floor);
    println!(
        "  {:28} {:>9.0} {:>9} {:>9}  {:>9.0} {:>9} {:>9}  {ratio:>6.2}  aim {aim}: {}",
        name,
        floor.per_second,
        milliseconds(&floor, 50),
        milliseconds(&floor, 99),
        our.per_second,
        milliseconds(&our, 50),
        milliseconds(&our, 99),
        verdict(ratio >= aim)
    );
    println!("    CPU for each, in the last round: floor {cpu_of_floor}; Dalkom {cpu_of_ours}");
    Ok(ratio >= aim)
}

/// The number of turns in a round, with those of its warm-up.
fn turns(bench: &Bench, round: Option<&Measured>) -> f64 {
    let span = bench.span.warm_up + bench.span.measured;
    round.map_or(f64::NAN, |round| round.per_second * span.as_secs_f64())
}

fn milliseconds(measured: &Measured, percent: usize) -> String {
    format!("{:.2} ms", measured.percentile(percent).as_secs_f64() * 1_000.0)
}

/// The customers whose wallets one of the connections charges.
fn share(bench: &Bench, case: Case, worker: usize) -> Vec<Customer> {
    if case.is_hot {
        return vec![bench.customers[0].clone()];
    }
    bench.customers.iter().skip(worker).step_by(case.connections).cloned().collect()
}

async fn floor(bench: &Bench, case: Case) -> anyhow::Result<Measured> {
    let options: MySqlConnectOptions = bench.stack.servers().database_url("member")?.parse()?;
    let mut workers = Vec::new();
    for worker in 0..case.connections {
        let mut connection = options.clone().connect().await?;
        // member-api does the same with its connections.
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let wallets = share(bench, case, worker).iter().map(|customer| customer.id).collect();
        workers.push(Transfer { connection, wallets, turn: 0, clock: Clock::system() });
    }
    drive(workers, bench.span).await
}

async fn charges(bench: &Bench, url: &str, case: Case) -> anyhow::Result<Measured> {
    let mut workers = Vec::new();
    for worker in 0..case.connections {
        let connection = Connection::open(url).await?;
        workers.push(Charge { connection, customers: share(bench, case, worker), turn: 0 });
    }
    drive(workers, bench.span).await
}

/// Charges by HTTP, each with a new key.
struct Charge {
    connection: Connection,
    customers: Vec<Customer>,
    turn: usize,
}

impl Work for Charge {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let token = &self.customers[self.turn % self.customers.len()].token;
        let (key, body) = (Uuid::new_v4().to_string(), json!({ "amount": AMOUNT_WON }));
        let headers = [("idempotency-key", key.as_str())];
        let answer = self.connection.send(Method::POST, PATH, Some(token), &headers, Some(&body)).await?;
        answer.expect(StatusCode::CREATED);
        Ok(())
    }
}

/// The three statements of a transfer, in one transaction.
struct Transfer {
    connection: MySqlConnection,
    wallets: Vec<Uuid>,
    turn: usize,
    clock: Clock,
}

impl Work for Transfer {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let wallet = self.wallets[self.turn % self.wallets.len()];
        let (id, now): (Uuid, OffsetDateTime) = (self.clock.new_id(), self.clock.now());
        let mut transaction = self.connection.begin().await?;
        sqlx::query("INSERT INTO transfers (id, kind, reference, created_at) VALUES (?, 'CHARGE', NULL, ?)")
            .bind(id)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        let changed = sqlx::query(
            "UPDATE wallets SET balance = LAST_INSERT_ID(balance + ?), version = version + 1 \
             WHERE member_id = ? AND balance BETWEEN 0 AND 9000000000000000000 AND closed_at IS NULL",
        )
        .bind(AMOUNT_WON)
        .bind(wallet)
        .execute(&mut *transaction)
        .await?;
        ensure!(changed.rows_affected() == 1, "the wallet does not exist");
        sqlx::query(
            "INSERT INTO postings (transfer_id, account, amount, entry_no, balance_after) VALUES \
             (?, ?, ?, (SELECT version FROM wallets WHERE member_id = ?), ?), (?, ?, ?, NULL, NULL)",
        )
        .bind(id)
        .bind(wallet)
        .bind(AMOUNT_WON)
        .bind(wallet)
        .bind(i64::try_from(changed.last_insert_id())?)
        .bind(id)
        .bind(CASH)
        .bind(-AMOUNT_WON)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
