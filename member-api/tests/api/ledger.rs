//! The functions that move money, in the caller's transaction.

use std::collections::HashMap;
use std::sync::Arc;

use access::MemberId;
use member_api::audit::ledger_audit::audit_ledger;
use member_api::wallet::db::transfers::RecordedTransfer;
use member_api::wallet::ledger::{TransferError, execute, record_transfer, record_transfers};
use member_api::wallet::{Kind, Transfer};
use money::Won;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::{Person, World};

fn charge(world: &World, member_id: MemberId, amount: i64) -> Transfer {
    let id = world.state.clock.new_id();
    Transfer { id, kind: Kind::Charge, member_id, amount: Won::new(amount), reference: None }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_transfer_is_rolled_back_with_its_transaction(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let transfer = Arc::new(charge(&world, kim.id, 5_000));
    let now = world.state.clock.now();
    let rolled_back = Arc::clone(&transfer);
    let result: Result<(), TransferError> = world
        .state
        .database
        .run_tx("test", move |connection| {
            let transfer = Arc::clone(&rolled_back);
            Box::pin(async move {
                let recorded = record_transfer(connection, &transfer, now).await?;
                assert_eq!(recorded.balance_after, Won::new(5_000));
                Err(TransferError::InsufficientBalance)
            })
        })
        .await;
    assert!(result.is_err());
    assert_eq!((world.wallet(&kim).await, world.count("SELECT COUNT(*) FROM transfers").await), ((0, 0), 0));
    let recorded =
        execute(&world.state.database, &world.state.clock, Transfer::clone(&transfer)).await.unwrap();
    assert_eq!((recorded.balance_after, world.wallet(&kim).await), (Won::new(5_000), (5_000, 1)));
}

/// More than any wallet can hold in this test.
const MORE_THAN_ANY_BALANCE: Won = Won::new(1_000_000_000);

/// A random transfer of a random member. Half of them take money out of the wallet.
fn any_transfer(world: &World, people: &[Person], random: &mut StdRng) -> Transfer {
    let is_payment = random.random_bool(0.5);
    let others = [Kind::Charge, Kind::Refund, Kind::Payout];
    Transfer {
        id: world.state.clock.new_id(),
        kind: if is_payment { Kind::OrderPayment } else { others[random.random_range(0..others.len())] },
        member_id: people[random.random_range(0..people.len())].id,
        amount: Won::new(random.random_range(1..=10_000)),
        reference: None,
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn several_transfers_at_once_are_what_they_would_be_one_by_one_or_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let mut people = Vec::new();
    for name in ["kim", "lee", "park"] {
        people.push(world.customer(name).await);
    }
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut balances: HashMap<MemberId, i64> = HashMap::new();
    let (mut made, mut refused) = (0, 0);
    for round in 0..120 {
        let count = random.random_range(1..=9);
        let mut transfers: Vec<_> = (0..count).map(|_| any_transfer(&world, &people, &mut random)).collect();
        if round % 8 == 0 {
            let too_large = &mut transfers[random.random_range(0..count)];
            (too_large.kind, too_large.amount) = (Kind::OrderPayment, MORE_THAN_ANY_BALANCE);
        }
        let transfers: Arc<[_]> = transfers.into();
        let mut after = balances.clone();
        let balances_after: Vec<i64> = transfers
            .iter()
            .map(|transfer| {
                let sign = if transfer.kind.debits_wallet() { -1 } else { 1 };
                let balance = after.entry(transfer.member_id).or_default();
                *balance += sign * transfer.amount.get();
                *balance
            })
            .collect();
        let (now, all) = (world.state.clock.now(), Arc::clone(&transfers));
        let recorded = world.state.database.run_tx("test", move |connection| {
            let transfers = Arc::clone(&all);
            Box::pin(async move {
                record_transfers(connection, &transfers, now).await?.ok_or(sqlx::Error::RowNotFound)
            })
        });
        if let Ok(recorded) = recorded.await {
            let expected: Vec<_> = transfers
                .iter()
                .zip(&balances_after)
                .map(|(transfer, balance)| RecordedTransfer {
                    transfer: transfer.clone(),
                    balance_after: Won::new(*balance),
                    created_at: now,
                })
                .collect();
            assert_eq!(recorded, expected);
            balances = after;
            made += 1;
        } else {
            assert!(balances_after.iter().any(|balance| *balance < 0), "{transfers:?}");
            refused += 1;
        }
    }
    assert!(made > 10 && refused > 10, "{made} made, {refused} refused");
    let report = audit_ledger(&world.state.database, &world.state.clock).await.unwrap();
    assert!(report.is_balanced(), "{report:?}");
    for who in &people {
        assert_eq!(world.wallet(who).await.0, balances.get(&who.id).copied().unwrap_or_default());
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_amount_that_is_not_above_zero_is_refused_before_anything_is_written(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for amount in [0, -1, i64::MIN] {
        let result = execute(&world.state.database, &world.state.clock, charge(&world, kim.id, amount)).await;
        assert!(matches!(result, Err(TransferError::AmountNotPositive)));
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_tables_refuse_what_the_ledger_never_writes(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 5_000).await;
    for statement in [
        "UPDATE wallets SET balance = -1",
        "INSERT INTO postings SELECT transfer_id, x'09', 5, NULL, NULL FROM postings LIMIT 1",
        "INSERT INTO postings SELECT transfer_id, x'00000000000000000000000000000002', 5, 1, 5 FROM postings LIMIT 1",
        "INSERT INTO postings SELECT transfer_id, x'00000000000000000000000000000002', 0, NULL, NULL FROM postings LIMIT 1",
        "INSERT INTO postings SELECT x'09', account, amount, 2, balance_after FROM postings WHERE entry_no = 1",
        "INSERT INTO transfers (id, kind, created_at) VALUES (x'09', 'GIFT', NOW(6))",
    ] {
        assert!(sqlx::query(statement).execute(&mut *world.connection().await).await.is_err(), "{statement}");
    }
    // A correct transfer is accepted, so the statements above fail because of their errors.
    world.charge(&kim, 1_000).await;
}
