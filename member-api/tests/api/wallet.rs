//! Charges, and the statement of a wallet.

use std::time::Duration;

use access::Role;
use http::StatusCode;
use member_api::wallet::{Account, Kind, Transfer, ledger};
use money::Won;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{MySql, MySqlPool, Transaction};
use testkit::{Answer, until};

use crate::world::{Person, World};

const PATIENCE: Duration = Duration::from_mins(1);

const CHARGES: &str = "/api/member/me/wallet/charges";
const ENTRIES: &str = "/api/member/me/wallet/entries";

async fn charge(world: &World, who: &Person, key: &str, body: &Value) -> Answer {
    world.client.post(CHARGES).bearer(&who.token).key(key).json(body).send().await
}

async fn entries(world: &World, who: &Person, query: &str) -> Value {
    world.client.get(&format!("{ENTRIES}{query}")).bearer(&who.token).send().await.expect(StatusCode::OK).body
}

fn amounts(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).collect()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_charge_is_two_postings_that_sum_to_zero(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let answer = charge(&world, &kim, "k1", &json!({"amount": 30_000})).await.expect(StatusCode::CREATED);
    assert_eq!(answer.header("location"), ENTRIES);
    let id = answer.body["id"].clone();
    let expected =
        json!({"id": id, "amount": 30_000, "balance": 30_000, "createdAt": "2026-11-22T09:00:00Z"});
    assert_eq!(answer.body, expected);
    world.charge(&kim, 1_000).await;
    assert_eq!(world.wallet(&kim).await, (31_000, 2));

    let postings = world.postings().await;
    let rows: Vec<_> = postings.iter().map(|p| (p.account, p.amount, p.entry_no, p.balance_after)).collect();
    let cash = Account::Cash.id();
    assert_eq!(
        rows,
        [
            (kim.id.0, 30_000, Some(1), Some(30_000)),
            (cash, -30_000, None, None),
            (kim.id.0, 1_000, Some(2), Some(31_000)),
            (cash, -1_000, None, None),
        ]
    );
    assert_eq!(json!(postings[0].transfer_id), id);
    assert!(postings.iter().all(|posting| posting.kind == "CHARGE" && posting.reference.is_none()));
    let wallet =
        world.client.get("/api/member/me/wallet").bearer(&kim.token).send().await.expect(StatusCode::OK);
    assert_eq!(wallet.body, json!({"balance": 31_000, "currency": "KRW"}));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_07_a_retry_does_not_charge_twice(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let first = charge(&world, &kim, "k1", &json!({"amount": 30_000})).await.expect(StatusCode::CREATED);
    let again = charge(&world, &kim, "\"k1\"", &json!({"amount": 30_000})).await.expect(StatusCode::CREATED);
    assert_eq!((&first.bytes, first.header("location")), (&again.bytes, again.header("location")));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    let other = charge(&world, &kim, "k1", &json!({"amount": 40_000})).await;
    let _ = other.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    let bare = world.client.post(CHARGES).bearer(&kim.token).json(&json!({"amount": 30_000})).send().await;
    let _ = bare.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    assert_eq!(world.wallet(&kim).await, (30_000, 1));
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_08_a_crash_around_the_commit_does_not_charge_again(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = json!({"amount": 30_000});
    // The process dies after the money has moved and before the commit: the statement that inserts the key fails.
    sqlx::query("RENAME TABLE idempotency_keys TO away")
        .execute(&mut *world.connection().await)
        .await
        .unwrap();
    let failed = charge(&world, &kim, "k1", &body).await;
    let _ = failed.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    assert_eq!((world.wallet(&kim).await, world.count("SELECT COUNT(*) FROM transfers").await), ((0, 0), 0));
    sqlx::query("RENAME TABLE away TO idempotency_keys")
        .execute(&mut *world.connection().await)
        .await
        .unwrap();

    let first = charge(&world, &kim, "k1", &body).await.expect(StatusCode::CREATED);
    // It dies after the commit. A repetition at another process gets the lost answer.
    let world = world.restarted();
    let again = charge(&world, &kim, "k1", &body).await.expect(StatusCode::CREATED);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    assert_eq!(world.wallet(&kim).await, (30_000, 1));
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 1);
    // The key, the transfer and the answer were stored together.
    let stored = "SELECT COUNT(*) FROM idempotency_keys k JOIN transfers t ON t.id = k.operation_id WHERE k.status = 201";
    assert_eq!(world.count(stored).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_replay_comes_before_any_refusal(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = json!({"amount": 5_000});
    let first = charge(&world, &kim, "k1", &body).await.expect(StatusCode::CREATED);
    let full = "UPDATE wallets SET balance = 9223372036854775807";
    sqlx::query(full).execute(&mut *world.connection().await).await.unwrap();
    let refused =
        charge(&world, &kim, "k2", &body).await.expect_problem(StatusCode::CONFLICT, "BALANCE_LIMIT");
    let again = charge(&world, &kim, "k1", &body).await.expect(StatusCode::CREATED);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    // A refusal is replayed too.
    sqlx::query("UPDATE wallets SET balance = 5000").execute(&mut *world.connection().await).await.unwrap();
    let again = charge(&world, &kim, "k2", &body).await.expect(StatusCode::CONFLICT);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &refused.bytes));
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn one_key_of_two_members_is_two_keys(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    for who in [&kim, &lee] {
        let answer = charge(&world, who, "k1", &json!({"amount": 1_000})).await.expect(StatusCode::CREATED);
        assert_eq!(answer.header("idempotency-replayed"), "");
        assert_eq!(world.wallet(who).await, (1_000, 1));
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refused_charge_moves_nothing_and_leaves_its_key_free(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for amount in [
        json!(999),
        json!(10_000_001),
        json!(0),
        json!(-1_000),
        json!(1_000.5),
        json!("1000"),
        json!(null),
        json!(9_223_372_036_854_775_808_u64),
    ] {
        let answer = charge(&world, &kim, "k1", &json!({"amount": amount})).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/amount"], "{amount}");
    }
    let with_more =
        charge(&world, &kim, "k1", &json!({"amount": 1_000, "balance": 5, "memberId": "x"})).await;
    let with_more = with_more.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(with_more.fault_pointers(), ["/balance", "/memberId"]);
    assert_eq!((world.wallet(&kim).await, world.count("SELECT COUNT(*) FROM transfers").await), ((0, 0), 0));
    let _ = charge(&world, &kim, "k1", &json!({"amount": 10_000_000})).await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn only_customers_charge(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let seller = world.seller("lee").await;
    let body = json!({"amount": 1_000});
    let _ = charge(&world, &seller, "k1", &body).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    let admin = world.token_of_a_stranger(Role::Admin);
    let answer = world.client.post(CHARGES).bearer(&admin).key("k1").json(&body).send().await;
    let _ = answer.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    let nobody = world.client.post(CHARGES).key("k1").json(&body).send().await;
    let _ = nobody.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn charges_at_once_lose_nothing(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    futures::future::join_all((0..40).map(|n| world.charge(&kim, 1_000 + n))).await;
    assert_eq!(world.wallet(&kim).await, (40 * 1_000 + (0..40).sum::<i64>(), 40));
    let chained = "SELECT COUNT(*) FROM postings a JOIN postings b ON b.account = a.account AND b.entry_no = a.entry_no + 1 \
                   WHERE b.balance_after = a.balance_after + b.amount";
    assert_eq!(world.count(chained).await, 39);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_same_charge_sent_at_once_happens_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = json!({"amount": 5_000});
    let answers = futures::future::join_all((0..8).map(|_| charge(&world, &kim, "k1", &body))).await;
    for answer in &answers {
        match answer.status {
            StatusCode::CREATED => assert_eq!(answer.body["balance"], 5_000),
            _ => assert_eq!(answer.body["code"], "IDEMPOTENCY_KEY_IN_USE"),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == StatusCode::CREATED));
    assert_eq!(world.wallet(&kim).await, (5_000, 1));
}

/// Locks a wallet's row until the transaction is dropped.
#[expect(clippy::disallowed_methods, reason = "nobody cancels it")]
async fn lock_wallet<'a>(pool: &'a MySqlPool, who: &Person) -> Transaction<'a, MySql> {
    let mut transaction = pool.begin().await.unwrap();
    let select = sqlx::query("SELECT balance FROM wallets WHERE member_id = ? FOR UPDATE");
    select.bind(who.id.0).fetch_one(&mut *transaction).await.unwrap();
    transaction
}

/// The number of transactions that wait for the locked row of a wallet.
async fn waiting_for_wallets(pool: &MySqlPool) -> usize {
    let running = testkit::statements(pool).await.into_iter();
    running.filter(|sql| sql.contains("wallets") && sql.contains("UPDATE")).count()
}

/// A customer with a balance.
async fn with_balance(world: &World, name: &str, balance: i64) -> Person {
    let who = world.customer(name).await;
    let transfer = Transfer {
        id: world.state.clock.new_id(),
        kind: Kind::Payout,
        member_id: who.id,
        amount: Won::new(balance),
        reference: None,
    };
    ledger::execute(&world.state.database, &world.state.clock, transfer).await.unwrap();
    who
}

#[sqlx::test(migrations = "./migrations")]
async fn charges_that_find_others_at_work_are_made_together_and_fail_alone(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    let world = World::new(options);
    let full = with_balance(&world, "full", i64::MAX - 2_500).await;
    let repeating = world.customer("repeating").await;
    let body = json!({"amount": 1_000});
    let before = charge(&world, &repeating, "again", &body).await.expect(StatusCode::CREATED).body;
    let mut people = Vec::new();
    for name in ["one", "two", "three", "four"] {
        people.push(world.customer(name).await);
    }
    let [one, two, three, four] = &people[..] else { unreachable!() };

    let send = |who: &Person, key: &str| {
        let request = world.client.post(CHARGES).bearer(&who.token).key(key).json(&body);
        tokio::spawn(async move { request.send().await })
    };
    // Two transactions wait for the rows of wallets.
    let (first, second, third) =
        (lock_wallet(&pool, one).await, lock_wallet(&pool, two).await, lock_wallet(&pool, three).await);
    let mut sent = vec![send(one, "k")];
    until("one transaction waits for a wallet", PATIENCE, async || waiting_for_wallets(&pool).await == 1)
        .await;
    sent.push(send(two, "k"));
    until("two transactions wait for wallets", PATIENCE, async || waiting_for_wallets(&pool).await == 2)
        .await;
    // Four charges wait for these transactions. When the first one ends, they become one batch, which waits for the third
    // row.
    for (who, key) in [(three, "k"), (four, "k"), (&full, "k1"), (&repeating, "again")] {
        sent.push(send(who, key));
    }
    until("four charges wait", PATIENCE, async || world.state.charge_batcher.waiting() == 4).await;
    drop(first);
    until("the first charge is booked", PATIENCE, async || world.wallet(one).await == (1_000, 1)).await;
    until("two transactions wait for wallets", PATIENCE, async || waiting_for_wallets(&pool).await == 2)
        .await;
    assert_eq!(world.state.charge_batcher.waiting(), 0);
    assert_eq!(world.wallet(four).await, (0, 0));
    for (who, key) in [(&full, "k2"), (&full, "k3"), (&repeating, "new"), (four, "k-more")] {
        sent.push(send(who, key));
    }
    drop((second, third));

    let mut answers = Vec::new();
    for sent in sent {
        answers.push(sent.await.unwrap());
    }
    let refused: Vec<_> = answers.extract_if(.., |answer| answer.status != StatusCode::CREATED).collect();
    assert_eq!(refused.len(), 1, "the full wallet accepts two of three charges");
    let _ = refused.into_iter().next().unwrap().expect_problem(StatusCode::CONFLICT, "BALANCE_LIMIT");
    let replayed: Vec<_> =
        answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").collect();
    assert_eq!(replayed.iter().map(|answer| &answer.body).collect::<Vec<_>>(), [&before]);
    assert_eq!(world.wallet(&full).await, (i64::MAX - 500, 3));
    assert_eq!(world.wallet(&repeating).await, (2_000, 2));
    for (who, charges) in [(one, 1), (two, 1), (three, 1), (four, 2)] {
        assert_eq!(world.wallet(who).await, (charges * 1_000, charges));
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_statement_has_neither_gap_nor_repeat_while_it_grows(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    for n in 1..=5 {
        world.charge(&kim, n * 1_000).await;
        world.charge(&lee, 777_000).await;
    }
    let first = entries(&world, &kim, "?limit=2").await;
    assert_eq!(amounts(&first), [5_000, 4_000]);
    world.charge(&kim, 6_000).await;
    let second =
        entries(&world, &kim, &format!("?limit=2&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!(amounts(&second), [3_000, 2_000]);
    let third =
        entries(&world, &kim, &format!("?limit=2&cursor={}", second["nextCursor"].as_str().unwrap())).await;
    assert_eq!((amounts(&third), &third["nextCursor"]), (vec![1_000], &Value::Null));
    let entry = &third["items"][0];
    let expected = json!({
        "id": entry["id"], "kind": "CHARGE", "amount": 1_000, "balanceAfter": 1_000, "reference": null,
        "createdAt": "2026-11-22T09:00:00Z",
    });
    assert_eq!(entry, &expected);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_statement_is_filtered_by_kind_and_by_time(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    // 18:00 on the 22nd in Seoul; six hours on it is the 23rd there, and still the 22nd in UTC.
    world.charge(&kim, 1_000).await;
    world.clock_control.advance(Duration::from_hours(6));
    let token = world.sign_in(&kim.email).await["accessToken"].as_str().unwrap().to_owned();
    let kim = Person { token, ..kim };
    world.charge(&kim, 2_000).await;
    let list = async |query: &str| amounts(&entries(&world, &kim, query).await);
    assert_eq!(list("?kind=CHARGE").await, [2_000, 1_000]);
    assert_eq!(list("?kind=REFUND").await, Vec::<i64>::new());
    assert_eq!(list("?to=2026-11-22").await, [1_000]);
    assert_eq!(list("?from=2026-11-23&to=2026-11-23").await, [2_000]);
    assert_eq!(list("?from=2026-11-22T09:00:00Z&to=2026-11-22T15:00:00Z").await, [1_000]);
    for query in ["?kind=charge", "?from=yesterday", "?limit=0", "?limit=101", "?sort=up", "?to=2026-13-01"] {
        let answer = world.client.get(&format!("{ENTRIES}{query}")).bearer(&kim.token).send().await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    for cursor in ["x", "e30", "eyJlbnRyeV9ubyI6IjEifQ"] {
        let answer = world.client.get(&format!("{ENTRIES}?cursor={cursor}")).bearer(&kim.token).send().await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
    }
}
