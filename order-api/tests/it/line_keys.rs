//! Changes of order lines, and settlement runs, with an Idempotency-Key.

use std::time::Duration;

use access::Role;
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Client, until};
use uuid::Uuid;

use crate::support::{Market, Member, day};

#[derive(Clone, Copy, Debug)]
enum Act {
    Cancel,
    Request,
    Accept,
    Reject,
}

impl Act {
    /// Sends it with a key.
    fn send(
        self,
        market: &Market,
        client: &Client,
        line: Uuid,
        key: &str,
    ) -> impl Future<Output = Answer> + use<> {
        let (member, role, path) = match self {
            Self::Cancel => (&market.customer, Role::Customer, format!("lines/{line}/cancel")),
            Self::Request => (&market.customer, Role::Customer, format!("lines/{line}/refund-request")),
            Self::Accept => (&market.seller, Role::Seller, format!("sales/{line}/refund/accept")),
            Self::Reject => (&market.seller, Role::Seller, format!("sales/{line}/refund/reject")),
        };
        let Member { token, .. } = market.world.token(member, role);
        let request = client.post(&format!("/api/order/{path}")).bearer(&token).key(key);
        match self {
            Self::Cancel | Self::Accept => request.send(),
            Self::Request | Self::Reject => request.json(&json!({ "reason": "무너졌어요" })).send(),
        }
    }
}

async fn changes(market: &Market, line: Uuid) -> i64 {
    market.number(&format!("SELECT COUNT(*) FROM line_changes WHERE line_id = x'{}'", line.simple())).await
}

#[sqlx::test(migrations = "./migrations")]
async fn each_change_of_a_line_is_made_once_on_all_instances_and_after_a_crash(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let (_, another) = market.world.another_instance();
    for acts in [vec![Act::Cancel], vec![Act::Request, Act::Accept], vec![Act::Request, Act::Reject]] {
        let line = market.sell(3).await;
        for (made, act) in (1..).zip(acts) {
            let key = format!("{line}-{made}");
            let send = |client: &Client| act.send(&market, client, line, &key);
            let first = send(&market.world.orders).await.expect(StatusCode::OK);
            let again = send(&another).await.expect(StatusCode::OK);
            assert_eq!(
                (again.header("idempotency-replayed"), &again.bytes),
                ("true", &first.bytes),
                "{act:?}"
            );
            market.world.wait_until_idle().await;

            market.world.lose_answers().await;
            let after_crash = send(&another).await.expect(StatusCode::OK);
            assert_eq!(after_crash.header("idempotency-replayed"), "", "{act:?}");
            assert_eq!(after_crash.body, first.body, "{act:?}");
            assert_eq!(changes(&market, line).await, made, "{act:?}");
            // By another key it is another change.
            let other = act.send(&market, &another, line, "other").await;
            let _ = other.expect_problem(StatusCode::CONFLICT, "LINE_STATE_CONFLICT");
            market.tamper("DELETE FROM idempotency_keys WHERE idempotency_key = 'other'").await;
        }
    }
    market.world.finish_everything().await;
    market.check_books().await;
    assert_eq!(market.world.balance(&market.customer).await, 10_000_000 - 3_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn of_equal_changes_at_once_on_two_instances_one_is_made(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let (_, another) = market.world.another_instance();
    let line = market.sell(3).await;
    let clients = [&market.world.orders, &another, &market.world.orders, &another];
    for answer in join_all(clients.map(|client| Act::Cancel.send(&market, client, line, "k"))).await {
        if answer.status != StatusCode::OK {
            let _ = answer.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
        }
    }
    assert_eq!(changes(&market, line).await, 1);
    market.world.finish_everything().await;
    assert_eq!(market.world.balance(&market.customer).await, 10_000_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refusal_for_good_is_kept_and_what_can_succeed_later_is_not(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let orders = &market.world.orders;
    let line = market.sell(3).await;
    let nothing = Act::Accept.send(&market, orders, line, "k").await;
    let nothing = nothing.expect_problem(StatusCode::CONFLICT, "LINE_STATE_CONFLICT");
    let _ = Act::Request.send(&market, orders, line, "k").await.expect(StatusCode::OK);
    let again = Act::Accept.send(&market, orders, line, "k").await;
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &nothing.bytes));

    let empty = market.world.order_by(&market.customer, "order", &json!({})).await;
    let _ = empty.expect_problem(StatusCode::CONFLICT, "CART_EMPTY");
    let _ = market.world.add(&market.customer, market.cake, 1).await.expect(StatusCode::OK);
    let _ = market.world.order_by(&market.customer, "order", &json!({})).await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repeated_settlement_run_gets_the_first_answer(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let (_, another) = market.world.another_instance();
    market.sell(3).await;
    let admin = market.world.admin();
    let run = |client: &Client| {
        let admin = market.world.token(&admin, Role::Admin);
        let body = json!({ "day": day(22) });
        client.post("/api/order/settlement-runs").bearer(&admin.token).key("k").json(&body).send()
    };
    let too_soon = run(&market.world.orders).await;
    let _ = too_soon.expect_problem(StatusCode::CONFLICT, "DAY_NOT_OVER");
    market.go_to(day(23), "04:00");
    let first = run(&market.world.orders).await.expect(StatusCode::CREATED);
    let again = run(&another).await;
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    assert_eq!(market.runs(day(22)).await.len(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn every_post_documents_its_key(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let document = market.world.orders.get("/openapi.json").send().await.expect(StatusCode::OK).body;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let has_key = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(has_key, method == "post", "{method} {path}");
            if has_key {
                let answers = operation["responses"].to_string();
                for code in ["IDEMPOTENCY_KEY_IN_USE", "IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_INVALID"] {
                    assert!(answers.contains(code), "{method} {path} without {code}");
                }
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_change_that_was_taken_over_changes_nothing(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    let mut lock = market.world.order_rows.acquire().await.unwrap();
    sqlx::query("BEGIN").execute(&mut *lock).await.unwrap();
    sqlx::query("SELECT id FROM order_lines WHERE id = ? FOR UPDATE")
        .bind(line)
        .execute(&mut *lock)
        .await
        .unwrap();
    let send = || Act::Cancel.send(&market, &market.world.orders, line, "k");
    let leases = async |seconds: i64| {
        let claimed = "SELECT COUNT(*) FROM idempotency_keys \
                       WHERE idempotency_key = 'k' AND leased_until = created_at + INTERVAL ? SECOND";
        until("the key is claimed", Duration::from_secs(30), async || {
            let count: i64 =
                sqlx::query_scalar(claimed).bind(seconds).fetch_one(&market.world.order_rows).await.unwrap();
            count == 1
        })
        .await;
    };
    let taken_over = async {
        leases(30).await;
        market.world.clock_control.advance(Duration::from_secs(31));
        let unlock = async {
            leases(61).await;
            sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
        };
        tokio::join!(send(), unlock).0
    };
    let (first, second) = tokio::join!(send(), taken_over);
    let _ = first.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
    let second = second.expect(StatusCode::OK);
    let again = send().await.expect(StatusCode::OK);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &second.bytes));
}
