//! The audit of the ledger: it must find every error, and no error in a correct ledger.

use access::Role;
use http::StatusCode;
use member_api::wallet::Account;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::World;

async fn audit(world: &World) -> Value {
    let admin = world.token_of_a_stranger(Role::Admin);
    world.client.get("/api/member/audit").bearer(&admin).send().await.expect(StatusCode::OK).body
}

async fn breach(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&mut *world.connection().await).await.unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn an_empty_ledger_adds_up(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let expected = json!({
        "balanced": true, "checkedAt": "2026-11-22T09:00:00Z",
        "sums": {"postings": 0, "cash": 0, "escrow": 0, "walletPostings": 0, "walletBalances": 0},
        "counts": {"wallets": 0, "transfers": 0, "postings": 0},
        "accountsOutOfLine": [], "transfersOutOfLine": [],
    });
    assert_eq!(audit(&world).await, expected);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_audit_sums_up_and_names_the_accounts_that_do_not_add_up(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    let first = world.charge(&kim, 3_000).await;
    world.charge(&kim, 2_000).await;
    world.charge(&lee, 1_000).await;
    let sound = audit(&world).await;
    assert_eq!(sound["balanced"], true);
    assert_eq!(
        sound["sums"],
        json!({"postings": 0, "cash": -6_000, "escrow": 0, "walletPostings": 6_000, "walletBalances": 6_000})
    );
    assert_eq!(sound["counts"], json!({"wallets": 2, "transfers": 3, "postings": 6}));

    // A balance is changed by hand.
    breach(&world, "UPDATE wallets SET balance = balance + 500 WHERE version = 2").await;
    let broken = audit(&world).await;
    assert_eq!((&broken["balanced"], &broken["sums"]["walletBalances"]), (&json!(false), &json!(6_500)));
    let account = json!({"account": kim.id, "balance": 5_500, "sumOfPostings": 5_000, "version": 2, "postings": 2, "brokenEntries": 0});
    assert_eq!(broken["accountsOutOfLine"], json!([account]));
    assert_eq!(broken["transfersOutOfLine"], json!([]));
    breach(&world, "UPDATE wallets SET balance = balance - 500 WHERE version = 2").await;

    // Two postings are changed. The sum and the balance of the account still agree, but the balances between them do not.
    breach(&world, "UPDATE postings SET amount = 4000 WHERE amount = 3000").await;
    breach(&world, "UPDATE postings SET amount = 1000 WHERE amount = 2000").await;
    let broken = audit(&world).await;
    let account = json!({"account": kim.id, "balance": 5_000, "sumOfPostings": 5_000, "version": 2, "postings": 2, "brokenEntries": 1});
    assert_eq!(broken["accountsOutOfLine"], json!([account]));
    assert_eq!(broken["transfersOutOfLine"].as_array().unwrap().len(), 2);
    assert!(
        broken["transfersOutOfLine"]
            .as_array()
            .unwrap()
            .contains(&json!({"id": first["id"], "postings": 2, "sumOfPostings": 1_000}))
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_lost_posting_is_found_on_either_side(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let charge = world.charge(&kim, 3_000).await;
    breach(&world, "DELETE FROM postings WHERE entry_no IS NULL").await;
    let broken = audit(&world).await;
    assert_eq!((&broken["balanced"], &broken["sums"]["postings"]), (&json!(false), &json!(3_000)));
    assert_eq!(
        broken["transfersOutOfLine"],
        json!([{"id": charge["id"], "postings": 1, "sumOfPostings": 3_000}])
    );
    assert_eq!(broken["accountsOutOfLine"], json!([]));

    breach(&world, "DELETE FROM postings").await;
    let broken = audit(&world).await;
    assert_eq!(
        broken["transfersOutOfLine"],
        json!([{"id": charge["id"], "postings": 0, "sumOfPostings": 0}])
    );
    let account = json!({"account": kim.id, "balance": 3_000, "sumOfPostings": 0, "version": 1, "postings": 0, "brokenEntries": 0});
    assert_eq!(broken["accountsOutOfLine"], json!([account]));
}

#[sqlx::test(migrations = "./migrations")]
async fn postings_without_a_wallet_are_found(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 3_000).await;
    breach(&world, "DELETE FROM wallets").await;
    let account = json!({"account": kim.id, "balance": null, "sumOfPostings": 3_000, "version": null, "postings": 1, "brokenEntries": 0});
    assert_eq!(audit(&world).await["accountsOutOfLine"], json!([account]));
    assert_ne!(kim.id.0, Account::Cash.id());
}

#[sqlx::test(migrations = "./migrations")]
async fn only_administrators_see_it(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    for role in [Role::Customer, Role::Seller] {
        let token = world.token_of_a_stranger(role);
        let answer = world.client.get("/api/member/audit").bearer(&token).send().await;
        let _ = answer.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    let answer = world.client.get("/api/member/audit").send().await;
    let _ = answer.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}
