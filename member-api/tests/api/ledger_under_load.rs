//! Thousands of transfers at once, some of them twice and some of them given up halfway: the promises about money.

use std::collections::HashMap;
use std::time::Duration;

use access::MemberId;
use futures::{StreamExt, stream};
use member_api::audit::prove;
use member_api::domain::{Kind, Transfer};
use member_api::ledger::{TransferError, execute};
use money::Won;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::world::World;

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

fn steps(world: &World, members: &[MemberId], seed: u64) -> Vec<Step> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut steps: Vec<Step> = Vec::new();
    while steps.len() < TRANSFERS {
        let repeated =
            (!steps.is_empty() && random.random_bool(0.15)).then(|| random.random_range(0..steps.len()));
        let order = match repeated {
            Some(earlier) => steps[earlier].order.clone(),
            None => Transfer {
                id: world.state.clock.new_id(),
                kind: Kind::ALL[random.random_range(0..Kind::ALL.len())],
                member_id: members[random.random_range(0..members.len())],
                amount: Won::new(random.random_range(1..=20_000)),
                reference: None,
            },
        };
        let given_up_after =
            random.random_bool(0.1).then(|| Duration::from_micros(random.random_range(0..3_000)));
        steps.push(Step { order, given_up_after });
    }
    steps
}

#[sqlx::test(migrations = "./migrations")]
async fn money_is_conserved_whatever_happens_at_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let mut members = Vec::new();
    for n in 0..WALLETS {
        members.push(world.customer(&format!("member{n}")).await.id);
    }
    let seed = rand::random();
    println!("seed {seed}");
    let outcomes: Vec<_> = stream::iter(steps(&world, &members, seed))
        .map(|step| run(&world, step))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;

    // What was given up goes on in a task of its own: whoever asks again, by the id, waits for its end.
    let mut recorded: HashMap<Uuid, (Transfer, Won)> = HashMap::new();
    for (order, answer) in outcomes {
        let answer = match answer {
            Some(answer) => answer,
            None => execute(&world.state.database, &world.state.clock, order.clone()).await,
        };
        match answer {
            Ok(receipt) => {
                assert_eq!(receipt.transfer, order);
                let first = recorded.entry(order.id).or_insert((order, receipt.balance_after));
                assert_eq!(first.1, receipt.balance_after, "a repetition gives what the first one gave");
            }
            Err(TransferError::InsufficientBalance) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    let report = prove(&world.state.database, &world.state.clock).await.unwrap();
    assert!(report.is_balanced(), "{report:?}");
    assert_eq!(usize::try_from(report.figures.transfers).unwrap(), recorded.len());
    assert!(recorded.len() > TRANSFERS / 2);
    let expected_cash: i64 = recorded
        .values()
        .filter(|(order, _)| order.kind == Kind::Charge)
        .map(|(order, _)| -order.amount.get())
        .sum();
    assert_eq!(report.figures.cash.get(), expected_cash);
    for member_id in members {
        let expected: i64 = recorded
            .values()
            .filter(|(order, _)| order.member_id == member_id)
            .map(
                |(order, _)| {
                    if order.kind == Kind::OrderPayment { -order.amount.get() } else { order.amount.get() }
                },
            )
            .sum();
        let balance: i64 = sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ?")
            .bind(member_id.0)
            .fetch_one(&mut *world.connection().await)
            .await
            .unwrap();
        assert_eq!(balance, expected);
    }
}

type Answer = Result<member_api::db::transfers::Recorded, TransferError>;

async fn run(world: &World, Step { order, given_up_after }: Step) -> (Transfer, Option<Answer>) {
    let work = execute(&world.state.database, &world.state.clock, order.clone());
    match given_up_after {
        Some(after) => (order, tokio::time::timeout(after, work).await.ok()),
        None => (order, Some(work.await)),
    }
}
