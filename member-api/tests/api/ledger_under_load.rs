//! Thousands of transfers at once, some of them twice and some of them given up halfway: the promises about
//! money. By the ledger's function, and through the routes with whatever can become of the lock that stands
//! before them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use http::StatusCode;
use lock::{Lock, Settings};
use member_api::audit::ledger_audit::audit_ledger;
use member_api::wallet::ledger::{TransferError, execute};
use member_api::wallet::{Kind, Transfer};
use money::Won;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::world::{Person, World, cable_to_redis, redis_url, wallet_lock};

const WALLETS: usize = 4;
const TRANSFERS: usize = 2_000;
const AT_ONCE: usize = 24;

/// What is done with one transfer.
#[derive(Clone, Debug)]
struct Step {
    order: Transfer,
    /// Given up after this long, as by a client that hangs up.
    given_up_after: Option<Duration>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The money has moved, and this was in the wallet then.
    Moved { balance_after: Won },
    /// The wallet did not hold enough.
    Insufficient,
}

/// Who orders transfers, and how.
struct Load {
    world: World,
    people: Vec<Person>,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Function,
    Routes,
}

impl Load {
    async fn new(world: World, way: Way) -> Self {
        let mut people = Vec::new();
        for n in 0..WALLETS {
            people.push(world.customer(&format!("member{n}")).await);
        }
        Self { world, people, way }
    }

    fn steps(&self) -> Vec<Step> {
        let seed = rand::random();
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut steps: Vec<Step> = Vec::new();
        while steps.len() < TRANSFERS {
            let repeated =
                (!steps.is_empty() && random.random_bool(0.15)).then(|| random.random_range(0..steps.len()));
            let order = match repeated {
                Some(earlier) => steps[earlier].order.clone(),
                None => self.new_order(&mut random),
            };
            let given_up_after =
                random.random_bool(0.1).then(|| Duration::from_micros(random.random_range(0..3_000)));
            steps.push(Step { order, given_up_after });
        }
        steps
    }

    fn new_order(&self, random: &mut StdRng) -> Transfer {
        let kind = Kind::ALL[random.random_range(0..Kind::ALL.len())];
        Transfer {
            id: self.world.state.clock.new_id(),
            kind,
            member_id: self.people[random.random_range(0..WALLETS)].id,
            amount: Won::new(random.random_range(1_000..=20_000)),
            reference: (kind != Kind::Charge).then(|| "order-1".to_owned()),
        }
    }

    /// Does all steps, and calls `at_step` at each.
    async fn run(&self, at_step: impl Fn(usize)) {
        let ends: Vec<_> = stream::iter(self.steps().into_iter().enumerate())
            .map(|(n, step)| {
                at_step(n);
                self.run_step(step)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;

        // What was given up goes on by itself, or not at all: whoever asks again, by the id, brings it to its
        // end.
        let mut moved: HashMap<Uuid, (Transfer, Won)> = HashMap::new();
        for (order, end) in ends {
            let end = match end {
                Some(end) => end,
                None => self.end_of(&order).await.unwrap(),
            };
            if let End::Moved { balance_after } = end {
                let first = moved.entry(order.id).or_insert((order, balance_after));
                assert_eq!(first.1, balance_after, "a repetition gives what the first one gave");
            }
        }
        self.check(&moved.into_values().map(|(order, _)| order).collect::<Vec<_>>()).await;
    }

    async fn run_step(&self, Step { order, given_up_after }: Step) -> (Transfer, Option<End>) {
        let end = match given_up_after {
            Some(after) => tokio::time::timeout(after, self.end_of(&order)).await.ok().flatten(),
            None => self.end_of(&order).await,
        };
        (order, end)
    }

    /// `None` where another try of the same order is still running.
    async fn end_of(&self, order: &Transfer) -> Option<End> {
        match (self.way, order.kind) {
            (Way::Function, _) => Some(self.execute(order).await),
            (Way::Routes, Kind::Charge) => self.charge(order).await,
            (Way::Routes, Kind::OrderPayment | Kind::Refund | Kind::Payout) => {
                Some(self.transfer(order).await)
            }
        }
    }

    async fn execute(&self, order: &Transfer) -> End {
        match execute(&self.world.state.database, &self.world.state.clock, order.clone()).await {
            Ok(recorded) => {
                assert_eq!(recorded.transfer, *order);
                End::Moved { balance_after: recorded.balance_after }
            }
            Err(TransferError::InsufficientBalance) => End::Insufficient,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn charge(&self, order: &Transfer) -> Option<End> {
        let who = self.people.iter().find(|person| person.id == order.member_id).unwrap();
        let request = self.world.client.post("/api/member/me/wallet/charges").bearer(&who.token);
        let request = request.key(&order.id.to_string()).json(&json!({"amount": order.amount}));
        let answer = request.send().await;
        if answer.status == StatusCode::CREATED {
            return Some(End::Moved { balance_after: won(&answer.body["balance"]) });
        }
        let _ = answer.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
        None
    }

    async fn transfer(&self, order: &Transfer) -> End {
        let token = self.world.people.service_token("order-api", "member-api");
        let path = format!("/internal/wallets/{}/transfers", order.member_id);
        let body = json!({
            "id": order.id, "kind": order.kind.as_str(), "amount": order.amount, "reference": order.reference,
        });
        let answer = self.world.client.post(&path).bearer(&token).json(&body).send().await;
        if answer.status == StatusCode::OK {
            return End::Moved { balance_after: won(&answer.body["balanceAfter"]) };
        }
        let _ = answer.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
        End::Insufficient
    }

    /// Checks every promise about money against what has moved as far as clients know.
    async fn check(&self, moved: &[Transfer]) {
        let report = audit_ledger(&self.world.state.database, &self.world.state.clock).await.unwrap();
        assert!(report.is_balanced(), "{report:?}");
        assert_eq!(usize::try_from(report.figures.transfers).unwrap(), moved.len());
        assert!(moved.len() > TRANSFERS / 2);
        let charges = moved.iter().filter(|order| order.kind == Kind::Charge);
        assert_eq!(report.figures.cash.get(), -charges.map(|order| order.amount.get()).sum::<i64>());
        for person in &self.people {
            let own = moved.iter().filter(|order| order.member_id == person.id);
            let expected: i64 = own.clone().map(change_of).sum();
            let count = i64::try_from(own.count()).unwrap();
            assert_eq!(self.world.wallet(person).await, (expected, count));
        }
    }
}

fn change_of(order: &Transfer) -> i64 {
    match order.kind {
        Kind::OrderPayment => -order.amount.get(),
        Kind::Charge | Kind::Refund | Kind::Payout => order.amount.get(),
    }
}

fn won(value: &serde_json::Value) -> Won {
    Won::new(value.as_i64().unwrap())
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_whatever_happens_at_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    Load::new(World::new(options), Way::Function).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_behind_the_lock(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    Load::new(World::new(options), Way::Routes).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_without_the_lock(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).with_wallet_lock(Lock::off());
    Load::new(world, Way::Routes).await.run(|_| {}).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_while_redis_stops_and_comes_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (cable, url) = cable_to_redis().await;
    let world = World::new(options).with_wallet_lock(wallet_lock(&url, &Settings::default()));
    let stop_and_start = |step| match step {
        step if step == TRANSFERS / 3 => cable.cut(),
        step if step == TRANSFERS * 2 / 3 => cable.mend(),
        _ => {}
    };
    Load::new(world, Way::Routes).await.run(stop_and_start).await;
    assert!(cable.connections() > 1, "Redis was looked for again");
}

/// What a holder meets that stood still past its lease: somebody else holds the lock as well.
#[sqlx::test(migrations = "./migrations")]
async fn fault_03_money_is_conserved_while_leases_run_out(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let load = Load::new(World::new(options), Way::Routes).await;
    let locks: Vec<String> =
        load.people.iter().map(|person| format!("lock:{{wallet:{}}}", person.id)).collect();
    // However busy the machine is.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    let taken_away = AtomicU64::new(0);
    let taking_away = async {
        loop {
            let count: u64 = redis::cmd("DEL").arg(&locks).query_async(&mut redis).await.unwrap();
            taken_away.fetch_add(count, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = load.run(|_| {}) => {}
        never = taking_away => never,
    }
    assert!(taken_away.into_inner() > 0, "nobody held a lock");
}
