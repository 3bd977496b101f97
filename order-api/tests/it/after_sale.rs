//! Cancelling lines; requesting, withdrawing, accepting and rejecting refunds.

use std::time::Duration;

use access::Role;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;

use crate::support::{Fault, Member, Stock, World};

/// An order of two pieces of a cake at 10,000 won, and three of another at 7,000, of five each.
struct Sale {
    world: World,
    customer: Member,
    seller: Member,
    cakes: Vec<uuid::Uuid>,
    lines: Vec<String>,
    order: String,
}

impl Sale {
    async fn new(options: MySqlConnectOptions) -> Self {
        let world = World::new(options).await;
        let (customer, seller) = (world.customer(100_000).await, world.seller().await);
        let (_, cakes) = world.item(&seller, &[(10_000, 5), (7_000, 5)]).await;
        let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
        let _ = world.add(&customer, cakes[1], 3).await.expect(StatusCode::OK);
        let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
        world.wait_until_idle().await;
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        let lines = order["lines"].as_array().expect("lines").iter().map(id).collect();
        Self { world, customer, seller, cakes, lines, order: id(&order) }
    }

    async fn post(&self, who: &Member, path: String, reason: Option<&str>) -> Answer {
        let request = self.world.orders.post(&path).bearer(&who.token);
        let request = match reason {
            Some(reason) => request.json(&json!({ "reason": reason })),
            None => request,
        };
        request.send().await
    }

    async fn cancel(&self, line: usize) -> Answer {
        self.post(&self.customer, format!("/api/order/lines/{}/cancel", self.lines[line]), None).await
    }

    async fn request(&self, line: usize) -> Answer {
        let path = format!("/api/order/lines/{}/refund-request", self.lines[line]);
        self.post(&self.customer, path, Some(" 무너졌어요 ")).await
    }

    async fn withdraw(&self, line: usize) -> Answer {
        let path = format!("/api/order/lines/{}/refund-request", self.lines[line]);
        self.world.orders.delete(&path).bearer(&self.customer.token).send().await
    }

    async fn accept(&self, line: usize) -> Answer {
        self.post(&self.seller, format!("/api/order/sales/{}/refund/accept", self.lines[line]), None).await
    }

    async fn reject(&self, line: usize) -> Answer {
        let path = format!("/api/order/sales/{}/refund/reject", self.lines[line]);
        self.post(&self.seller, path, Some("사진이 없어요")).await
    }

    async fn shown(&self, line: usize) -> Value {
        self.world.show(&self.customer, &self.order).await["lines"][line].clone()
    }

    async fn history(&self, line: usize) -> Vec<(String, String, String)> {
        let shown = self.shown(line).await;
        let text = |change: &Value, member: &str| change[member].as_str().unwrap_or_default().to_owned();
        let changes = shown["history"].as_array().expect("a history").iter();
        changes
            .map(|change| (text(change, "newStatus"), text(change, "actor"), text(change, "reason")))
            .collect()
    }

    /// Wallet, escrow, and the stock of the first cake.
    async fn figures(&self) -> (i64, i64, Stock) {
        let (balance, escrow) = (self.world.balance(&self.customer).await, self.world.escrow().await);
        (balance, escrow, self.world.stock(self.cakes[0]).await)
    }
}

/// Nothing is refunded.
const SOLD: (i64, i64, Stock) = (59_000, 41_000, Stock::of(3, 0, 2, 0));
/// The first line is refunded, and its pieces are on sale again.
const BACK: (i64, i64, Stock) = (79_000, 21_000, Stock::of(5, 0, 2, 2));

fn conflict(answer: Answer, status: &str) {
    let refusal = answer.expect_problem(StatusCode::CONFLICT, "LINE_STATE_CONFLICT");
    assert_eq!(refusal.body["lineStatus"], status);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_10_a_cancelled_line_is_paid_back_and_restocked_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    assert_eq!(sale.figures().await, SOLD);
    let line = sale.cancel(0).await.expect(StatusCode::OK).body;
    assert_eq!((&line["status"], &line["id"]), (&json!("CANCELLED"), &json!(sale.lines[0])));
    assert_eq!(line["refundedAt"], "2026-11-22T09:00:00Z");
    assert_eq!(sale.figures().await, BACK);
    conflict(sale.cancel(0).await, "CANCELLED");
    conflict(sale.request(0).await, "CANCELLED");
    sale.world.finish_everything().await;
    assert_eq!(sale.figures().await, BACK);
    assert_eq!(sale.history(0).await, [("CANCELLED".into(), "CUSTOMER".into(), String::new())]);
    // The order exists, and its other line is unchanged.
    assert_eq!((&sale.shown(1).await["status"], sale.history(1).await), (&json!("ORDERED"), vec![]));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_can_be_cancelled_for_half_an_hour(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let mut sale = Sale::new(options).await;
    sale.world.clock_control.advance(Duration::from_secs(30 * 60 - 1));
    sale.customer = sale.world.token(&sale.customer, Role::Customer);
    let _ = sale.cancel(0).await.expect(StatusCode::OK);
    sale.world.clock_control.advance(Duration::from_secs(1));
    let _ = sale.cancel(1).await.expect_problem(StatusCode::CONFLICT, "CANCEL_WINDOW_CLOSED");
    assert_eq!(sale.figures().await, BACK);
    // A refund can be asked for at any time.
    let _ = sale.request(1).await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_11_an_accepted_refund_pays_the_customer_and_restocks_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    let line = sale.request(0).await.expect(StatusCode::OK).body;
    assert_eq!((&line["status"], &line["refundReason"]), (&json!("REFUND_REQUESTED"), &json!("무너졌어요")));
    assert_eq!(sale.figures().await, SOLD);
    conflict(sale.request(0).await, "REFUND_REQUESTED");
    conflict(sale.cancel(0).await, "REFUND_REQUESTED");
    let line = sale.accept(0).await.expect(StatusCode::OK).body;
    assert_eq!((&line["status"], &line["refundedAt"]), (&json!("REFUNDED"), &json!("2026-11-22T09:00:00Z")));
    assert_eq!(sale.figures().await, BACK);
    for again in [sale.accept(0).await, sale.reject(0).await, sale.withdraw(0).await, sale.cancel(0).await] {
        conflict(again, "REFUNDED");
    }
    sale.world.finish_everything().await;
    assert_eq!(sale.figures().await, BACK);
    let history = sale.history(0).await;
    assert_eq!(history[0], ("REFUND_REQUESTED".into(), "CUSTOMER".into(), "무너졌어요".into()));
    assert_eq!(history[1], ("REFUNDED".into(), "SELLER".into(), String::new()));
    // The history has the members who have made the changes.
    let actors: Vec<(uuid::Uuid,)> =
        sqlx::query_as("SELECT actor_id FROM line_changes ORDER BY changed_at, id")
            .fetch_all(&sale.world.order_rows)
            .await
            .unwrap();
    assert_eq!(actors, [(sale.customer.id.0,), (sale.seller.id.0,)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_request_can_be_withdrawn_and_made_again_until_it_is_answered(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    conflict(sale.withdraw(0).await, "ORDERED");
    conflict(sale.accept(0).await, "ORDERED");
    let _ = sale.request(0).await.expect(StatusCode::OK);
    let line = sale.withdraw(0).await.expect(StatusCode::OK).body;
    assert_eq!((&line["status"], line.get("refundReason")), (&json!("ORDERED"), None));
    let _ = sale.request(0).await.expect(StatusCode::OK);
    let line = sale.reject(0).await.expect(StatusCode::OK).body;
    assert_eq!(line["status"], "REFUND_REJECTED");
    for late in [sale.request(0).await, sale.withdraw(0).await, sale.cancel(0).await, sale.accept(0).await] {
        conflict(late, "REFUND_REJECTED");
    }
    assert_eq!(sale.figures().await, SOLD);
    let states: Vec<String> = sale.history(0).await.into_iter().map(|(status, ..)| status).collect();
    assert_eq!(states, ["REFUND_REQUESTED", "ORDERED", "REFUND_REQUESTED", "REFUND_REJECTED"]);
    assert_eq!(sale.history(0).await[3].2, "사진이 없어요");
}

#[sqlx::test(migrations = "./migrations")]
async fn if_a_request_is_answered_several_times_at_once_one_answer_takes_effect(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    let _ = sale.request(0).await.expect(StatusCode::OK);
    let answers = futures::future::join_all([0; 4].map(|line| sale.accept(line))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert!(answers.iter().all(|answer| [StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status)));
    assert_eq!(sale.figures().await, BACK);

    let _ = sale.request(1).await.expect(StatusCode::OK);
    let (accepted, withdrawn) = tokio::join!(sale.accept(1), sale.withdraw(1));
    let mut statuses = [accepted.status, withdrawn.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
    let paid_back = if accepted.status == StatusCode::OK { 21_000 } else { 0 };
    assert_eq!(sale.world.balance(&sale.customer).await, 79_000 + paid_back);
    let refunds: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM transfers WHERE kind = 'REFUND'")
        .fetch_one(&sale.world.member_rows)
        .await
        .unwrap();
    assert_eq!(refunds.0, 1 + i64::from(paid_back > 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn if_a_cancel_and_a_refund_request_come_at_once_one_takes_effect(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    let (cancelled, requested, again) = tokio::join!(sale.cancel(0), sale.request(0), sale.cancel(0));
    let done =
        [&cancelled, &requested, &again].iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(done, 1);
    let expected = if requested.status == StatusCode::OK { SOLD } else { BACK };
    assert_eq!(sale.figures().await, expected);
    assert_eq!(sale.history(0).await.len(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn money_and_stock_come_back_once_whichever_replies_are_lost(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    sale.world.to_member.fault_of("POST /internal/wallets", "", Fault::LoseAnswer, 2);
    sale.world.to_store.fault_of("POST /internal/restocks", "", Fault::LoseAnswer, 2);
    let line = sale.cancel(0).await.expect(StatusCode::OK).body;
    // The money is not in the wallet yet.
    assert_eq!((&line["status"], &line["refundedAt"]), (&json!("CANCELLED"), &Value::Null));
    assert_eq!(sale.world.count("outbox").await, 2);
    sale.world.finish_everything().await;
    assert_eq!(sale.figures().await, BACK);
    assert_ne!(sale.shown(0).await["refundedAt"], Value::Null);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refund_is_finished_by_another_instance_if_its_own_dies(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    for (line, head) in ["POST /internal/wallets", "POST /internal/restocks"].into_iter().enumerate() {
        let world = &sale.world;
        let proxy = if line == 0 { &world.to_member } else { &world.to_store };
        proxy.fault_of(head, "", Fault::HoldAnswer, 1);
        let instance =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let customer = world.token(&sale.customer, Role::Customer);
        {
            let _in_it = instance.enter();
            let (_, client) = world.another_instance();
            let path = format!("/api/order/lines/{}/cancel", sale.lines[line]);
            instance.spawn(client.post(&path).bearer(&customer.token).send());
        }
        proxy.wait_for_fault().await;
        instance.shutdown_background();
        proxy.restore();
        world.finish_everything().await;
        assert_eq!(sale.shown(line).await["status"], "CANCELLED");
    }
    assert_eq!((sale.world.balance(&sale.customer).await, sale.world.escrow().await), (100_000, 0));
    assert_eq!(sale.world.stock(sale.cakes[0]).await, Stock::of(5, 0, 2, 2));
    assert_eq!(sale.world.stock(sale.cakes[1]).await, Stock::of(5, 0, 3, 3));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_19_a_line_is_its_customers_and_its_sellers(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let mut sale = Sale::new(options).await;
    let _ = sale.request(0).await.expect(StatusCode::OK);
    let (other_customer, other_seller) = (sale.world.customer(0).await, sale.world.seller().await);
    let (customer, seller) = (sale.customer.clone(), sale.seller.clone());
    (sale.customer, sale.seller) = (other_customer, other_seller);
    for refused in [
        sale.cancel(1).await,
        sale.request(1).await,
        sale.withdraw(0).await,
        sale.accept(0).await,
        sale.reject(0).await,
    ] {
        let _ = refused.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    // A customer cannot act as a seller, nor a seller as a customer.
    (sale.customer, sale.seller) = (seller, customer);
    for refused in [sale.cancel(1).await, sale.withdraw(0).await, sale.accept(0).await, sale.reject(0).await]
    {
        let _ = refused.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    std::mem::swap(&mut sale.customer, &mut sale.seller);
    assert_eq!(sale.figures().await, SOLD);
    assert_eq!(sale.history(0).await.len(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_reason_has_1_to_500_characters(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let sale = Sale::new(options).await;
    let path = format!("/api/order/lines/{}/refund-request", sale.lines[0]);
    for wrong in ["", " \n ", &"가".repeat(501)] {
        let refusal = sale.post(&sale.customer, path.clone(), Some(wrong)).await;
        let refusal = refusal.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refusal.fault_pointers(), ["/reason"]);
    }
    let longest = "가".repeat(500);
    let line = sale.post(&sale.customer, path, Some(&longest)).await.expect(StatusCode::OK).body;
    assert_eq!(line["refundReason"], longest);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_12_the_day_and_the_amount_of_a_refund_never_come_from_the_client(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let sale = Sale::new(options).await;
    let body = json!({ "reason": "x", "amount": 1_000_000, "day": "2020-01-01" });
    let line = &sale.lines[0];
    for (who, path) in [
        (&sale.customer, format!("/api/order/lines/{line}/refund-request")),
        (&sale.seller, format!("/api/order/sales/{line}/refund/reject")),
    ] {
        let refusal = sale.world.orders.post(&path).bearer(&who.token).json(&body).send().await;
        let refusal = refusal.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refusal.fault_pointers(), ["/amount", "/day"]);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_seller_sees_the_sales_of_their_stores_and_a_name(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let mut sale = Sale::new(options).await;
    let world = &sale.world;
    let (_, others) = world.item(&world.seller().await, &[(1_000, 5)]).await;
    let (_, second_store) = world.item(&sale.seller, &[(2_000, 5)]).await;
    let _ = world.add(&sale.customer, others[0], 1).await.expect(StatusCode::OK);
    let _ = world.add(&sale.customer, second_store[0], 1).await.expect(StatusCode::OK);
    world.clock_control.advance(Duration::from_secs(24 * 60 * 60));
    sale.customer = world.token(&sale.customer, Role::Customer);
    sale.seller = world.token(&sale.seller, Role::Seller);
    let _ = world.order(&sale.customer, &json!({})).await.expect(StatusCode::CREATED);
    // A failed order is not a sale.
    let poor = world.customer(0).await;
    let _ = world.add(&poor, sale.cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.order(&poor, &json!({})).await.expect(StatusCode::CONFLICT);

    let list = async |query: &str| {
        let path = format!("/api/order/sales{query}");
        world.orders.get(&path).bearer(&sale.seller.token).send().await.expect(StatusCode::OK).body
    };
    let options = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|sale| sale["optionId"].clone()).collect()
    };
    let all = list("").await;
    assert_eq!(options(&all), [json!(second_store[0]), json!(sale.cakes[1]), json!(sale.cakes[0])]);
    let shown = &all["items"][2];
    assert_eq!((&shown["customerName"], &shown["orderId"]), (&json!("김달콤"), &json!(sale.order)));
    assert_eq!((&shown["lineTotal"], &shown["status"]), (&json!(20_000), &json!("ORDERED")));
    assert!(shown.get("customerId").is_none());

    let mut pages = Vec::new();
    let mut query = "?limit=1".to_owned();
    loop {
        let page = list(&query).await;
        pages.extend(options(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=1&cursor={next}");
    }
    assert_eq!(pages, options(&all));
    let store = all["items"][0]["storeId"].as_str().unwrap();
    assert_eq!(options(&list(&format!("?storeId={store}")).await), [json!(second_store[0])]);
    assert_eq!(options(&list("?from=2026-11-23").await).len(), 1);
    assert_eq!(options(&list("?to=2026-11-22").await).len(), 2);
    assert_eq!(options(&list("?from=2026-11-22&to=2026-11-23").await).len(), 3);
    let _ = sale.request(1).await.expect(StatusCode::OK);
    let asked = list("?status=REFUND_REQUESTED").await;
    assert_eq!(
        (options(&asked), &asked["items"][0]["refundReason"]),
        (vec![json!(sale.cakes[1])], &json!("무너졌어요"))
    );
}
