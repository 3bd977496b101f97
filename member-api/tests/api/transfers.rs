//! The internal routes of transfers, which order-api calls.

use access::Role;
use http::StatusCode;
use member_api::wallet::Account;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Request};
use uuid::Uuid;

use crate::world::{Person, World};

/// The body of a transfer, with the member's id, which `post` moves into the path.
fn new_transfer(world: &World, kind: &str, who: &Person, amount: i64) -> Value {
    json!({"id": world.state.clock.new_id(), "kind": kind, "memberId": who.id, "amount": amount, "reference": "order-1"})
}

fn post(world: &World, transfer: &Value) -> Request {
    let mut body = transfer.clone();
    let member_id = body.as_object_mut().unwrap().remove("memberId").unwrap();
    world.client.post(&format!("/internal/wallets/{}/transfers", member_id.as_str().unwrap())).json(&body)
}

async fn send(world: &World, transfer: &Value) -> Answer {
    let token = world.people.service_token("order-api", "member-api");
    post(world, transfer).bearer(&token).send().await
}

async fn find(world: &World, id: &Value) -> Answer {
    let token = world.people.service_token("order-api", "member-api");
    world.client.get(&format!("/internal/transfers/{}", id.as_str().unwrap())).bearer(&token).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn money_goes_from_the_customer_through_escrow_to_the_seller(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.seller("lee").await);
    world.charge(&kim, 10_000).await;
    let payment = new_transfer(&world, "ORDER_PAYMENT", &kim, 7_000);
    let receipt = send(&world, &payment).await.expect(StatusCode::OK).body;
    let expected = json!({"id": payment["id"], "amount": 7_000, "memberId": kim.id, "memberName": "kim", "balanceAfter": 3_000});
    assert_eq!(receipt, expected);
    assert_eq!(find(&world, &payment["id"]).await.expect(StatusCode::OK).body, expected);
    let refund = send(&world, &new_transfer(&world, "REFUND", &kim, 2_000)).await.expect(StatusCode::OK).body;
    assert_eq!(refund["balanceAfter"], 5_000);
    let payout = send(&world, &new_transfer(&world, "PAYOUT", &lee, 5_000)).await.expect(StatusCode::OK).body;
    assert_eq!((&payout["balanceAfter"], &payout["memberName"]), (&json!(5_000), &json!("lee")));

    assert_eq!((world.wallet(&kim).await, world.wallet(&lee).await), ((5_000, 3), (5_000, 1)));
    let escrow = Account::Escrow.id();
    let postings = world.postings().await;
    let in_escrow: Vec<_> =
        postings.iter().filter(|p| p.account == escrow).map(|p| (p.kind.as_str(), p.amount)).collect();
    assert_eq!(in_escrow, [("ORDER_PAYMENT", 7_000), ("REFUND", -2_000), ("PAYOUT", -5_000)]);
    assert_eq!(postings.iter().map(|posting| posting.amount).sum::<i64>(), 0);
    assert!(
        postings.iter().filter(|p| p.kind != "CHARGE").all(|p| p.reference.as_deref() == Some("order-1"))
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_01_a_failed_debit_does_not_look_like_a_success(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 1_000).await;
    let payment = new_transfer(&world, "ORDER_PAYMENT", &kim, 1_001);
    let _ = send(&world, &payment).await.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    assert_eq!(world.wallet(&kim).await, (1_000, 1));
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 1);
    let _ = find(&world, &payment["id"]).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    // The refused transfer left nothing: with enough money the same transfer is made.
    world.charge(&kim, 1_000).await;
    assert_eq!(send(&world, &payment).await.expect(StatusCode::OK).body["balanceAfter"], 999);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_04_a_debit_checks_the_balance_in_the_same_step(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 5_000).await;
    let payments: Vec<_> = (0..20).map(|_| new_transfer(&world, "ORDER_PAYMENT", &kim, 1_000)).collect();
    let answers = futures::future::join_all(payments.iter().map(|payment| send(&world, payment))).await;
    let (paid, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((paid.len(), refused.len()), (5, 15));
    for answer in refused {
        let _ = answer.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    }
    let mut balances: Vec<_> =
        paid.iter().map(|answer| answer.body["balanceAfter"].as_i64().unwrap()).collect();
    balances.sort_unstable();
    assert_eq!(balances, [0, 1_000, 2_000, 3_000, 4_000]);
    assert_eq!(world.wallet(&kim).await, (0, 6));
    // The database refuses even a statement without the condition.
    let unconditional =
        sqlx::query("UPDATE wallets SET balance = balance - 1").execute(&mut *world.connection().await).await;
    assert!(unconditional.is_err());
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_05_an_amount_that_is_not_above_zero_moves_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for (kind, amount) in
        [("ORDER_PAYMENT", -1), ("ORDER_PAYMENT", 0), ("REFUND", i64::MIN), ("PAYOUT", -5_000)]
    {
        let answer = send(&world, &new_transfer(&world, kind, &kim, amount)).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/amount"]);
    }
    let mut body = new_transfer(&world, "CHARGE", &kim, 1_000);
    body["reference"] = json!("");
    let answer = send(&world, &body).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(answer.fault_pointers(), ["/kind", "/reference"]);
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_07_a_repeated_transfer_moves_money_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 10_000).await;
    let payment = new_transfer(&world, "ORDER_PAYMENT", &kim, 4_000);
    let answers = futures::future::join_all((0..8).map(|_| send(&world, &payment))).await;
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body["balanceAfter"]),
            (StatusCode::OK, &json!(6_000)),
            "{}",
            answer.body
        );
    }
    world.charge(&kim, 1_000).await;
    // A later repetition gets the same answer, too.
    assert_eq!(send(&world, &payment).await.expect(StatusCode::OK).body, answers[0].body);
    assert_eq!(world.wallet(&kim).await, (7_000, 3));

    for (member, other) in [
        ("amount", json!(4_001)),
        ("kind", json!("REFUND")),
        ("reference", json!("order-2")),
        ("memberId", json!(Uuid::from_u128(9))),
    ] {
        let mut changed = payment.clone();
        changed[member] = other;
        let _ = send(&world, &changed).await.expect_problem(StatusCode::CONFLICT, "TRANSFER_MISMATCH");
    }
    assert_eq!(world.wallet(&kim).await, (7_000, 3));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_14_a_sum_does_not_overflow(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let lee = world.seller("lee").await;
    let most =
        send(&world, &new_transfer(&world, "PAYOUT", &lee, i64::MAX)).await.expect(StatusCode::OK).body;
    assert_eq!(most["balanceAfter"], i64::MAX);
    let one_more = send(&world, &new_transfer(&world, "PAYOUT", &lee, 1)).await;
    let _ = one_more.expect_problem(StatusCode::CONFLICT, "BALANCE_LIMIT");
    assert_eq!(world.wallet(&lee).await, (i64::MAX, 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_17_nobody_can_credit_themselves(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = new_transfer(&world, "REFUND", &kim, 1_000_000);
    let post = async |token: Option<&str>| {
        let request = self::post(&world, &body);
        match token {
            Some(token) => request.bearer(token).send().await,
            None => request.send().await,
        }
    };
    let unauthenticated = [
        None,
        Some(kim.token.clone()),
        Some(world.token_of_a_stranger(Role::Admin)),
        Some(world.people.service_token("order-api", "store-api")),
    ];
    for token in unauthenticated {
        let _ = post(token.as_deref()).await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    }
    for caller in ["gateway", "store-api", "member-api"] {
        let token = world.people.service_token(caller, "member-api");
        let _ = post(Some(&token)).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    let show =
        world.client.get(&format!("/internal/transfers/{}", Uuid::nil())).bearer(&kim.token).send().await;
    let _ = show.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn refunds_and_payouts_reach_a_closed_wallet(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 3_000).await;
    let _ = send(&world, &new_transfer(&world, "ORDER_PAYMENT", &kim, 3_000)).await.expect(StatusCode::OK);
    let _ =
        world.client.delete("/api/member/me").bearer(&kim.token).send().await.expect(StatusCode::NO_CONTENT);
    let refund = send(&world, &new_transfer(&world, "REFUND", &kim, 3_000)).await.expect(StatusCode::OK).body;
    assert_eq!((&refund["balanceAfter"], &refund["memberName"]), (&json!(3_000), &json!("탈퇴한 회원")));
    let again = send(&world, &new_transfer(&world, "ORDER_PAYMENT", &kim, 1_000)).await;
    let _ = again.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(world.wallet(&kim).await, (3_000, 3));
}

async fn void(world: &World, id: &Value) -> Answer {
    let token = world.people.service_token("order-api", "member-api");
    let path = format!("/internal/transfers/{}/void", id.as_str().unwrap());
    world.client.post(&path).bearer(&token).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn a_voided_transfer_is_never_made(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 10_000).await;
    let late = new_transfer(&world, "ORDER_PAYMENT", &kim, 4_000);
    for _ in 0..2 {
        assert_eq!(void(&world, &late["id"]).await.expect(StatusCode::OK).body, Value::Null);
    }
    let _ = send(&world, &late).await.expect_problem(StatusCode::CONFLICT, "TRANSFER_MISMATCH");
    let _ = find(&world, &late["id"]).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(world.wallet(&kim).await, (10_000, 1));

    // A transfer that was made stays, and is the answer to the void.
    let made = new_transfer(&world, "ORDER_PAYMENT", &kim, 4_000);
    let receipt = send(&world, &made).await.expect(StatusCode::OK).body;
    assert_eq!(void(&world, &made["id"]).await.expect(StatusCode::OK).body, receipt);
    assert_eq!(world.wallet(&kim).await, (6_000, 2));
    let report = member_api::audit::ledger_audit::audit_ledger(&world.state.database, &world.state.clock)
        .await
        .unwrap();
    assert!(report.is_balanced(), "{report:?}");
    assert_eq!(report.totals.transfers, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_transfer_and_its_voiding_at_once_agree_on_what_became_of_it(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.charge(&kim, 100_000).await;
    let mut made = 0;
    for _ in 0..20 {
        let payment = new_transfer(&world, "ORDER_PAYMENT", &kim, 1_000);
        let (paid, voided) = futures::join!(send(&world, &payment), void(&world, &payment["id"]));
        let voided = voided.expect(StatusCode::OK);
        if paid.status == StatusCode::OK {
            assert_eq!(voided.body, paid.body);
            made += 1;
        } else {
            let _ = paid.expect_problem(StatusCode::CONFLICT, "TRANSFER_MISMATCH");
            assert_eq!(voided.body, Value::Null);
        }
    }
    assert_eq!(world.wallet(&kim).await, (100_000 - made * 1_000, 1 + made));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_wallet_that_is_not_there_is_not_found(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for stranger in [Account::Cash.id(), Account::Escrow.id(), Uuid::from_u128(99)] {
        for kind in ["ORDER_PAYMENT", "REFUND"] {
            let mut body = new_transfer(&world, kind, &kim, 1_000);
            body["memberId"] = json!(stranger);
            let _ = send(&world, &body).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        }
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
    let _ =
        find(&world, &json!("not-an-id")).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}
