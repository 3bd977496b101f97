//! The one function by which money moves, inside a caller's transaction.

use std::sync::Arc;

use access::MemberId;
use member_api::domain::{Kind, Transfer};
use member_api::ledger::{TransferError, execute, transfer};
use money::Won;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::World;

fn charge(world: &World, member_id: MemberId, amount: i64) -> Transfer {
    let id = world.state.clock.new_id();
    Transfer { id, kind: Kind::Charge, member_id, amount: Won::new(amount), reference: None }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_transfer_is_undone_with_its_transaction(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let order = Arc::new(charge(&world, kim.id, 5_000));
    let now = world.state.clock.now();
    let undone = Arc::clone(&order);
    let result: Result<(), TransferError> = world
        .state
        .database
        .run_tx("test", move |tx| {
            let order = Arc::clone(&undone);
            Box::pin(async move {
                let recorded = transfer(tx, &order, now).await?;
                assert_eq!(recorded.balance_after, Won::new(5_000));
                Err(TransferError::InsufficientBalance)
            })
        })
        .await;
    assert!(result.is_err());
    assert_eq!((world.wallet(&kim).await, world.count("SELECT COUNT(*) FROM transfers").await), ((0, 0), 0));
    let recorded = execute(&world.state.database, &world.state.clock, Transfer::clone(&order)).await.unwrap();
    assert_eq!((recorded.balance_after, world.wallet(&kim).await), (Won::new(5_000), (5_000, 1)));
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
    for breach in [
        "UPDATE wallets SET balance = -1",
        "INSERT INTO postings SELECT transfer_id, x'09', 5, NULL, NULL FROM postings LIMIT 1",
        "INSERT INTO postings SELECT transfer_id, x'00000000000000000000000000000002', 5, 1, 5 FROM postings LIMIT 1",
        "INSERT INTO postings SELECT transfer_id, x'00000000000000000000000000000002', 0, NULL, NULL FROM postings LIMIT 1",
        "INSERT INTO postings SELECT x'09', account, amount, 2, balance_after FROM postings WHERE entry_no = 1",
        "INSERT INTO transfers (id, kind, created_at) VALUES (x'09', 'GIFT', NOW(6))",
    ] {
        assert!(sqlx::query(breach).execute(&mut *world.connection().await).await.is_err(), "{breach}");
    }
    // What the ledger does write is taken: the statements above fail for what is wrong in them.
    world.charge(&kim, 1_000).await;
}
