//! The promises about money hold for thousands of concurrent transfers, some of them repeated and some cancelled. The
//! tests use the ledger directly, or the routes with a wallet lock that works, is off, or fails.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use hot_key_queue::{HotKeyQueue, Settings};
use http::StatusCode;
use member_api::audit::ledger_audit::audit_ledger;
use member_api::wallet::ledger::{TransferError, execute};
use member_api::wallet::{Kind, Transfer};
use money::Won;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use strum::VariantArray;
use uuid::Uuid;

use crate::world::{Person, World, proxy_to_redis, redis_url, wallet_lock};

const WALLETS: usize = 4;
const TRANSFERS: usize = 2_000;
const AT_ONCE: usize = 24;

/// One step of the load: a transfer, and whether its caller cancels it.
#[derive(Clone, Debug)]
struct Step {
    transfer: Transfer,
    /// After this time the caller cancels it, like a client that closes its connection.
    cancelled_after: Option<Duration>,
}

/// The result of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The money was moved. This was the balance of the wallet after it.
    Moved { balance_after: Won },
    /// The balance was too low.
    Insufficient,
}

/// Members who make transfers, and how they are made.
struct Load {
    world: World,
    people: Vec<Person>,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Ledger,
    Routes,
}

impl Load {
    async fn new(world: World, target: Target) -> Self {
        let mut people = Vec::new();
        for n in 0..WALLETS {
            people.push(world.customer(&format!("member{n}")).await);
        }
        Self { world, people, target }
    }

    fn steps(&self) -> Vec<Step> {
        let seed = rand::random();
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut steps: Vec<Step> = Vec::new();
        while steps.len() < TRANSFERS {
            let repeated =
                (!steps.is_empty() && random.random_bool(0.15)).then(|| random.random_range(0..steps.len()));
            let transfer = match repeated {
                Some(earlier) => steps[earlier].transfer.clone(),
                None => self.new_transfer(&mut random),
            };
            let cancelled_after =
                random.random_bool(0.1).then(|| Duration::from_micros(random.random_range(0..3_000)));
            steps.push(Step { transfer, cancelled_after });
        }
        steps
    }

    fn new_transfer(&self, random: &mut StdRng) -> Transfer {
        let kind = Kind::VARIANTS[random.random_range(0..Kind::VARIANTS.len())];
        Transfer {
            id: self.world.state.clock.new_id(),
            kind,
            member_id: self.people[random.random_range(0..WALLETS)].id,
            amount: Won::new(random.random_range(1_000..=20_000)),
            reference: (kind != Kind::Charge).then(|| "order-1".to_owned()),
        }
    }

    /// Runs all steps, and calls `at_step` at the start of each.
    async fn run(&self, at_step: impl Fn(usize)) {
        let outcomes: Vec<_> = stream::iter(self.steps().into_iter().enumerate())
            .map(|(n, step)| {
                at_step(n);
                self.run_step(step)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;

        // A cancelled transfer was finished in the background, or never started. Repeating it with the same id gives its
        // result.
        let mut moved: HashMap<Uuid, (Transfer, Won)> = HashMap::new();
        for (transfer, outcome) in outcomes {
            let outcome = match outcome {
                Some(outcome) => outcome,
                None => self.send(&transfer).await.unwrap(),
            };
            if let Outcome::Moved { balance_after } = outcome {
                let first = moved.entry(transfer.id).or_insert((transfer, balance_after));
                assert_eq!(first.1, balance_after, "a repetition gets the same answer");
            }
        }
        self.check(&moved.into_values().map(|(transfer, _)| transfer).collect::<Vec<_>>()).await;
    }

    async fn run_step(&self, Step { transfer, cancelled_after }: Step) -> (Transfer, Option<Outcome>) {
        let outcome = match cancelled_after {
            Some(after) => tokio::time::timeout(after, self.send(&transfer)).await.ok().flatten(),
            None => self.send(&transfer).await,
        };
        (transfer, outcome)
    }

    /// Makes a transfer. `None` if another request with the same transfer is still running.
    async fn send(&self, transfer: &Transfer) -> Option<Outcome> {
        match (self.target, transfer.kind) {
            (Target::Ledger, _) => Some(self.execute(transfer).await),
            (Target::Routes, Kind::Charge) => self.charge(transfer).await,
            (Target::Routes, Kind::OrderPayment | Kind::Refund | Kind::Payout) => {
                Some(self.post_transfer(transfer).await)
            }
        }
    }

    async fn execute(&self, transfer: &Transfer) -> Outcome {
        match execute(&self.world.state.database, &self.world.state.clock, transfer.clone()).await {
            Ok(recorded) => {
                assert_eq!(recorded.transfer, *transfer);
                Outcome::Moved { balance_after: recorded.balance_after }
            }
            Err(TransferError::InsufficientBalance) => Outcome::Insufficient,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn charge(&self, transfer: &Transfer) -> Option<Outcome> {
        let who = self.people.iter().find(|person| person.id == transfer.member_id).unwrap();
        let request = self.world.client.post("/api/member/me/wallet/charges").bearer(&who.token);
        let request = request.key(&transfer.id.to_string()).json(&json!({"amount": transfer.amount}));
        let answer = request.send().await;
        if answer.status == StatusCode::CREATED {
            return Some(Outcome::Moved { balance_after: won(&answer.body["balance"]) });
        }
        let _ = answer.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
        None
    }

    async fn post_transfer(&self, transfer: &Transfer) -> Outcome {
        let token = self.world.people.service_token("order-api", "member-api");
        let path = format!("/internal/wallets/{}/transfers", transfer.member_id);
        let body = json!({
            "id": transfer.id, "kind": transfer.kind.as_str(), "amount": transfer.amount,
            "reference": transfer.reference,
        });
        let answer = self.world.client.post(&path).bearer(&token).json(&body).send().await;
        if answer.status == StatusCode::OK {
            return Outcome::Moved { balance_after: won(&answer.body["balanceAfter"]) };
        }
        let _ = answer.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
        Outcome::Insufficient
    }

    /// Checks every promise about money against the transfers that clients know of.
    async fn check(&self, moved: &[Transfer]) {
        let report = audit_ledger(&self.world.state.database, &self.world.state.clock).await.unwrap();
        assert!(report.is_balanced(), "{report:?}");
        assert_eq!(usize::try_from(report.totals.transfers).unwrap(), moved.len());
        assert!(moved.len() > TRANSFERS / 2);
        let charges = moved.iter().filter(|transfer| transfer.kind == Kind::Charge);
        assert_eq!(report.totals.cash.get(), -charges.map(|transfer| transfer.amount.get()).sum::<i64>());
        for person in &self.people {
            let own = moved.iter().filter(|transfer| transfer.member_id == person.id);
            let expected: i64 = own.clone().map(change_of).sum();
            let count = i64::try_from(own.count()).unwrap();
            assert_eq!(self.world.wallet(person).await, (expected, count));
        }
    }
}

fn change_of(transfer: &Transfer) -> i64 {
    match transfer.kind {
        Kind::OrderPayment => -transfer.amount.get(),
        Kind::Charge | Kind::Refund | Kind::Payout => transfer.amount.get(),
    }
}

fn won(value: &serde_json::Value) -> Won {
    Won::new(value.as_i64().unwrap())
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_whatever_happens_at_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    Load::new(World::new(options), Target::Ledger).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_behind_the_lock(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    Load::new(World::new(options), Target::Routes).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_without_the_lock(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).with_wallet_lock(HotKeyQueue::off());
    Load::new(world, Target::Routes).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_while_redis_stops_and_comes_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, url) = proxy_to_redis();
    let world = World::new(options).with_wallet_lock(wallet_lock(&url, &Settings::default()));
    let stop_and_start = |step| match step {
        step if step == TRANSFERS / 3 => proxy.end_all(),
        step if step == TRANSFERS * 2 / 3 => proxy.restore(),
        _ => {}
    };
    Load::new(world, Target::Routes).await.run(stop_and_start).await;
    assert!(proxy.connections() > 1, "the service did not connect to Redis again");
}

/// The test deletes the locks again and again, so that two requests hold the lock of a wallet at once.
#[sqlx::test(migrations = "./migrations")]
async fn fault_03_money_is_conserved_while_leases_run_out(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let load = Load::new(World::new(options), Target::Routes).await;
    let locks: Vec<String> =
        load.people.iter().map(|person| format!("lock:{{wallet:{}}}", person.id)).collect();
    // No timeout, because the machine may be busy.
    let without_timeout = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection_with_config(&without_timeout).await.unwrap();
    let deleted = AtomicU64::new(0);
    let delete_locks = async {
        loop {
            let count: u64 = redis::cmd("DEL").arg(&locks).query_async(&mut redis).await.unwrap();
            deleted.fetch_add(count, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = load.run(|_| {}) => {}
        never = delete_locks => never,
    }
    assert!(deleted.into_inner() > 0, "no request held a lock");
}
