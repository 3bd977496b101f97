//! Payouts.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::{Fault, Market, day};

/// A market whose seller has settlements of the 22nd to the 24th: 3,000, 4,000 and 5,000 won.
async fn three_days(options: MySqlConnectOptions) -> Market {
    let market = Market::new(options).await;
    for (number, thousands) in [(22, 3), (23, 4), (24, 5)] {
        market.go_to(day(number), "12:00");
        market.sell(thousands).await;
    }
    market.go_to(day(25), "04:00");
    market.settle_due().await;
    market
}

async fn statuses(market: &Market) -> Vec<(String, String)> {
    market.statement().await.into_iter().map(|(day, _, _, _, status)| (day, status)).collect()
}

#[sqlx::test(migrations = "./migrations")]
async fn every_pending_day_of_the_range_is_paid_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = three_days(options).await;
    let answer = market.pay_by(&market.seller, "first", 22, 23).await.expect(StatusCode::CREATED);
    let payout = &answer.body;
    assert_eq!(answer.header("location"), "/api/order/payouts");
    assert_eq!((&payout["amount"], &payout["days"]), (&json!(7_000), &json!(2)));
    assert_eq!((&payout["from"], &payout["to"]), (&json!("2026-11-22"), &json!("2026-11-23")));
    assert_eq!(market.world.balance(&market.seller).await, 7_000);
    assert_eq!(market.world.escrow().await, 5_000);
    let paid = |day: &str, status: &str| (day.to_owned(), status.to_owned());
    assert_eq!(
        statuses(&market).await,
        [paid("2026-11-24", "PENDING"), paid("2026-11-23", "PAID"), paid("2026-11-22", "PAID")]
    );
    // The same request returns the same payout; another one finds what is left.
    let again = market.pay_by(&market.seller, "first", 22, 23).await.expect(StatusCode::CREATED);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &answer.bytes));
    let _ = market.pay(22, 23).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    let rest = market.pay(1, 30).await.expect(StatusCode::CREATED).body;
    assert_eq!((&rest["amount"], &rest["days"]), (&json!(5_000), &json!(1)));
    assert_eq!(market.world.balance(&market.seller).await, 12_000);
    assert_eq!((market.world.escrow().await, market.world.count("outbox").await), (0, 0));
    market.check_books().await;

    let page = market.get(&market.seller, "/api/order/payouts?limit=1").await;
    assert_eq!(page["items"][0]["id"], rest["id"]);
    let next = page["nextCursor"].as_str().unwrap();
    let page = market.get(&market.seller, &format!("/api/order/payouts?limit=1&cursor={next}")).await;
    assert_eq!((&page["items"][0]["id"], &page["nextCursor"]), (&payout["id"], &json!(null)));
    let stranger = market.world.seller().await;
    assert_eq!(market.get(&stranger, "/api/order/payouts").await["items"], json!([]));
    assert_eq!(market.get(&stranger, "/api/order/settlements").await["items"], json!([]));
}

#[sqlx::test(migrations = "./migrations")]
async fn settlements_are_filtered_and_paged(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = three_days(options).await;
    let _ = market.pay(23, 23).await.expect(StatusCode::CREATED);
    let days = async |query: &str| {
        let page = market.get(&market.seller, &format!("/api/order/settlements{query}")).await;
        let items = page["items"].as_array().unwrap().iter();
        let days: Vec<String> = items.map(|item| item["day"].as_str().unwrap().to_owned()).collect();
        (days, page["nextCursor"].clone())
    };
    assert_eq!(days("?from=2026-11-23&to=2026-11-23").await.0, ["2026-11-23"]);
    assert_eq!(days("?status=PENDING").await.0, ["2026-11-24", "2026-11-22"]);
    assert_eq!(days("?status=PAID").await.0, ["2026-11-23"]);
    let (first, next) = days("?limit=2").await;
    assert_eq!(first, ["2026-11-24", "2026-11-23"]);
    let next = next.as_str().unwrap();
    assert_eq!(days(&format!("?limit=2&cursor={next}")).await, (vec!["2026-11-22".to_owned()], Value::Null));
    let payout = market.get(&market.seller, "/api/order/payouts").await["items"][0]["id"].clone();
    let shown = market.get(&market.seller, "/api/order/settlements?status=PAID").await["items"][0].clone();
    let expected = json!({
        "day": "2026-11-23", "gross": 4_000, "refunds": 0, "net": 4_000, "status": "PAID", "payoutId": payout,
    });
    assert_eq!(shown, expected);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_14_two_payouts_at_once_pay_each_day_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = three_days(options).await;
    let ranges = [(22, 24), (22, 23), (23, 24), (22, 22), (24, 24), (1, 30), (22, 24), (23, 23)];
    let answers = join_all(ranges.map(|(from, to)| market.pay(from, to))).await;
    let mut sum = 0;
    for answer in answers {
        match answer.status {
            StatusCode::CREATED => sum += answer.body["amount"].as_i64().unwrap(),
            _ => drop(answer.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY")),
        }
    }
    assert_eq!((sum, market.world.balance(&market.seller).await), (12_000, 12_000));
    assert_eq!(market.world.escrow().await, 0);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_negative_settlement_is_carried_into_the_next_payout(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    market.go_to(day(23), "04:00");
    market.settle_due().await;
    let _ = market.pay(22, 22).await.expect(StatusCode::CREATED);
    // A line that was paid out is refunded, and on the next day the seller sells for less.
    market.refund(line).await;
    market.go_to(day(24), "12:00");
    market.sell(2).await;
    market.go_to(day(25), "04:00");
    market.settle_due().await;
    let _ = market.pay(24, 24).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    let _ = market.pay(23, 24).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    assert_eq!(market.number("SELECT COUNT(*) FROM settlements WHERE payout_id IS NOT NULL").await, 1);
    market.go_to(day(25), "12:00");
    market.sell(4).await;
    market.go_to(day(26), "04:00");
    market.settle_due().await;
    // Only the last day is asked for. The negative settlement of the 23rd is included; the positive one of the 24th is not.
    let payout = market.pay(25, 25).await.expect(StatusCode::CREATED).body;
    assert_eq!((&payout["amount"], &payout["days"]), (&json!(1_000), &json!(2)));
    let payout = market.pay(24, 25).await.expect(StatusCode::CREATED).body;
    assert_eq!((&payout["amount"], &payout["days"]), (&json!(2_000), &json!(1)));
    assert_eq!(market.world.balance(&market.seller).await, 6_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_negative_settlement_cannot_be_left_out_by_asking_for_earlier_days(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    market.go_to(day(23), "04:00");
    market.settle_due().await;
    // The line of the 22nd is refunded, which makes the settlement of the 23rd negative.
    market.refund(line).await;
    market.go_to(day(24), "04:00");
    market.settle_due().await;
    let _ = market.pay(22, 22).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    assert_eq!(market.world.balance(&market.seller).await, 0);
    market.go_to(day(24), "12:00");
    market.sell(1).await;
    market.go_to(day(25), "04:00");
    market.settle_due().await;
    let _ = market.pay(24, 24).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    let payout = market.pay(22, 24).await.expect(StatusCode::CREATED).body;
    assert_eq!((&payout["amount"], &payout["days"]), (&json!(1_000), &json!(3)));
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_02_a_day_is_paid_when_its_money_has_moved_and_not_before(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = three_days(options).await;
    for (fault, number) in [(Fault::LoseRequest, 22), (Fault::LoseAnswer, 23)] {
        let before = market.world.balance(&market.seller).await;
        market.world.to_member.fault_of("POST /internal/wallets", "", fault, 2);
        let waiting = market.pay_by(&market.seller, &format!("{fault:?}"), number, number).await;
        let waiting = waiting.expect(StatusCode::ACCEPTED).body;
        assert_eq!(waiting["paidAt"], json!(null));
        let pending = market.get(&market.seller, "/api/order/settlements?status=PENDING").await;
        let bound =
            pending["items"].as_array().unwrap().iter().find(|item| item["payoutId"] == waiting["id"]);
        assert_eq!(bound.unwrap()["day"], json!(day(number)));
        // The settlement is bound: no other payout can bind it meanwhile.
        let _ = market.pay(number, number).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
        market.world.finish_everything().await;
        let paid = market.get(&market.seller, "/api/order/payouts").await["items"][0].clone();
        assert_eq!(paid["id"], waiting["id"]);
        assert!(paid["paidAt"].is_string());
        assert_eq!(market.world.balance(&market.seller).await - before, paid["amount"].as_i64().unwrap());
    }
    assert_eq!(market.world.balance(&market.seller).await, 7_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_payout_whose_process_dies_is_paid_by_another(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = three_days(options).await;
    for (fault, number) in [(Fault::HoldRequest, 22), (Fault::HoldAnswer, 23)] {
        market.world.to_member.fault_of("POST /internal/wallets", "", fault, 1);
        let process =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        {
            let _in_it = process.enter();
            let (_, client) = market.world.another_instance();
            let seller = market.world.token(&market.seller, access::Role::Seller);
            let body = json!({ "from": day(number), "to": day(number) });
            let request = client.post("/api/order/payouts").bearer(&seller.token).key(&format!("{fault:?}"));
            process.spawn(request.json(&body).send());
        }
        market.world.to_member.wait_for_fault().await;
        process.shutdown_background();
        market.world.to_member.restore();
        market.world.clock_control.advance(Duration::from_secs(31));
        market.world.finish_everything().await;
        let body = market.get(&market.seller, "/api/order/payouts").await;
        assert!(body["items"][0]["paidAt"].is_string(), "{body}");
    }
    assert_eq!(market.world.balance(&market.seller).await, 7_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn bad_requests_and_other_roles_are_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let path = "/api/order/payouts";
    let post = |token: &str, key: &str, body: &Value| {
        market.world.orders.post(path).bearer(token).key(key).json(body)
    };
    let body = json!({ "from": day(22), "to": day(21) });
    let refused = post(&market.seller.token, "1", &body).send().await;
    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/to"]);
    let body = json!({ "from": "2026-02-30", "amount": 5 });
    let refused = post(&market.seller.token, "2", &body).send().await;
    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/amount", "/from", "/to"]);
    let body = json!({ "from": day(1), "to": day(2) });
    let without_key = market.world.orders.post(path).bearer(&market.seller.token).json(&body).send().await;
    let _ = without_key.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    let _ = post(&market.seller.token, "3", &body)
        .send()
        .await
        .expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    for token in [&market.customer.token, &market.world.admin().token] {
        let _ = post(token, "4", &body).send().await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
        for path in ["/api/order/payouts", "/api/order/settlements"] {
            let seen = market.world.orders.get(path).bearer(token).send().await;
            let _ = seen.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
        }
    }
    let seller = &market.seller.token;
    for query in ["?from=yesterday", "?status=LOST", "?limit=0", "?day=2026-11-22"] {
        let path = format!("/api/order/settlements{query}");
        let seen = market.world.orders.get(&path).bearer(seller).send().await;
        let _ = seen.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    let seen = market.world.orders.get("/api/order/settlements?cursor=AAAA").bearer(seller).send().await;
    let _ = seen.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
}
