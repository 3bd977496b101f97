//! What happens to those who add to a day at the moment in which it is closed.

use std::time::Duration;

use http::StatusCode;
use order_api::batch::{Cause, Quiet};
use order_api::db;
use order_api::domain::order::{Payment, Refund};
use order_api::domain::totals::{self, Addition};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Connection, MySqlConnection};
use uuid::Uuid;

use crate::support::{Market, day, one, until};

/// Whether somebody waits for those who have added to the totals of a day.
async fn is_draining(market: &Market) -> bool {
    let mut at_work = testkit::statements(&market.world.order_rows).await.into_iter();
    at_work.any(|sql| sql.contains("seller_day_totals") && sql.ends_with("FOR UPDATE"))
}

/// An order that is paid and not confirmed yet, and what its confirmation adds.
async fn unconfirmed(market: &Market) -> (Uuid, Vec<(Addition, u8)>, Payment) {
    market.go_to(day(22), "23:58");
    market.world.to_member.down();
    let (hasty, client) = market.world.hasty_instance();
    let customer = market.world.token(&market.customer, access::Role::Customer);
    let _ = market.world.add(&customer, market.cake, 2).await.expect(StatusCode::OK);
    let request =
        client.post("/api/order/orders").bearer(&customer.token).key("late").json(&one(market.cake));
    let order = request.send().await.expect(StatusCode::ACCEPTED).body;
    crate::support::settle(&hasty).await;
    market.world.to_member.heal();
    let id: Uuid = order["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let mut connection = market.world.app.database.acquire().await.expect("a connection");
    let order = db::orders::find(&mut connection, id).await.expect("an answer").expect("the order");
    let payment = Payment { at: day(22).at("23:59".parse().expect("a time")), day: day(22) };
    let additions =
        totals::of_sale(&order.lines, day(22)).into_iter().map(|addition| (addition, 0)).collect();
    (id, additions, payment)
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sale_that_is_being_confirmed_when_its_day_is_closed_is_waited_for(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.sell(1).await;
    let (order_id, additions, payment) = unconfirmed(&market).await;
    market.go_to(day(23), "00:00");

    let mut slow = market.world.app.database.acquire().await.unwrap();
    let mut confirming = slow.begin().await.unwrap();
    db::orders::confirm(&mut confirming, order_id, "김달콤").await.unwrap();
    db::seller_day_totals::add(&mut confirming, &additions).await.unwrap();
    assert!(db::order_lines::confirm(&mut confirming, order_id, payment).await.unwrap());

    let settler = market.world.app.settler.clone();
    let run = tokio::spawn(async move { settler.settle_through(day(22), Cause::Request, &Quiet).await });
    until("the run waits", async || is_draining(&market).await).await;
    assert_eq!(market.number("SELECT COUNT(*) FROM settlement_days").await, 1);
    confirming.commit().await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().execution.exit_code.as_deref(), Some("COMPLETED"));
    assert_eq!(market.number("SELECT gross FROM settlements").await, 3_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sale_that_comes_to_its_lines_when_the_day_is_closed_turns_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.sell(1).await;
    let (order_id, additions, payment) = unconfirmed(&market).await;
    market.go_to(day(23), "00:00");

    let mut slow = market.world.app.database.acquire().await.unwrap();
    let mut confirming = slow.begin().await.unwrap();
    db::seller_day_totals::add(&mut confirming, &additions).await.unwrap();
    let settler = market.world.app.settler.clone();
    let run = tokio::spawn(async move { settler.settle_through(day(22), Cause::Request, &Quiet).await });
    until("the run waits", async || is_draining(&market).await).await;
    assert!(!db::order_lines::confirm(&mut confirming, order_id, payment).await.unwrap());
    confirming.rollback().await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().execution.exit_code.as_deref(), Some("COMPLETED"));
    assert_eq!(market.number("SELECT gross FROM settlements").await, 1_000);
    // Whoever takes the checkout up confirms it for the day that it is by then.
    market.world.finish_everything().await;
    let days = "SELECT COUNT(*) FROM order_lines WHERE business_day = '2026-11-23' AND status = 'ORDERED'";
    assert_eq!(market.number(days).await, 1);
    market.go_to(day(24), "04:00");
    market.settle_due().await;
    assert_eq!(market.number("SELECT gross FROM settlements WHERE business_day = '2026-11-23'").await, 2_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_machine_whose_clock_is_behind_sells_nothing_on_a_closed_day(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.sell(1).await;
    market.go_to(day(23), "00:00");
    market.world.app.settler.settle_through(day(22), Cause::Request, &Quiet).await.unwrap();
    market.go_to(day(22), "23:59");
    let (hasty, client) = market.world.hasty_instance();
    let customer = market.world.token(&market.customer, access::Role::Customer);
    let _ = market.world.add(&customer, market.cake, 2).await.expect(StatusCode::OK);
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(market.cake));
    let order = request.send().await.expect(StatusCode::ACCEPTED).body;
    crate::support::settle(&hasty).await;
    let shown = market.world.show(&customer, order["id"].as_str().unwrap()).await;
    assert_eq!(shown["status"], "PENDING");
    assert_eq!(market.number("SELECT COUNT(*) FROM seller_day_totals").await, 1);
    // Half a minute later it is midnight here, too.
    market.world.hand.advance(Duration::from_secs(30));
    market.world.finish_everything().await;
    let shown = market.world.show(&customer, order["id"].as_str().unwrap()).await;
    assert_eq!(shown["status"], "CONFIRMED");
    market.go_to(day(24), "04:00");
    market.settle_due().await;
    assert_eq!(market.number("SELECT gross FROM settlements WHERE business_day = '2026-11-23'").await, 2_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refund_that_is_accepted_while_its_day_is_being_settled_lowers_the_next_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    market.go_to(day(23), "00:00");
    let _ = market.request_refund(line).await.expect(StatusCode::OK);

    // Somebody adds to the day, so that its settlement stands between closing and proving it.
    let mut slow = market.world.app.database.acquire().await.unwrap();
    let mut adding = slow.begin().await.unwrap();
    let lock = "SELECT * FROM seller_day_totals FOR UPDATE";
    sqlx::query(lock).execute(&mut *adding).await.unwrap();
    let settler = market.world.app.settler.clone();
    let run = tokio::spawn(async move { settler.settle_through(day(22), Cause::Request, &Quiet).await });
    until("the run waits", async || is_draining(&market).await).await;
    let accepted = market.accept_refund(&market.seller, line).await.expect(StatusCode::OK);
    assert_eq!(accepted.body["status"], json!("REFUNDED"));
    adding.rollback().await.unwrap();
    run.await.unwrap().unwrap();

    market.go_to(day(24), "04:00");
    market.settle_due().await;
    let statement: Vec<_> =
        market.statement().await.into_iter().map(|(day, _, _, net, _)| (day, net)).collect();
    assert_eq!(statement, [("2026-11-23".to_owned(), -3_000), ("2026-11-22".to_owned(), 3_000)]);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refund_that_meets_the_closing_of_its_day_turns_back_and_lowers_the_day_of_its_acceptance(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    let mut connection = market.world.app.database.acquire().await.unwrap();
    let owned = db::order_lines::find(&mut connection, line).await.unwrap().unwrap();
    let send_back = async |connection: &mut MySqlConnection, number: u8| {
        let refund = Refund { id: Uuid::new_v4(), day: day(number), paid_back_at: None };
        let mut line = owned.line.clone();
        line.status = order_api::domain::line::LineStatus::Refunded;
        db::order_lines::send_back(connection, &line, refund).await.unwrap()
    };
    market.go_to(day(23), "00:00");
    market.world.app.settler.settle_through(day(22), Cause::Request, &Quiet).await.unwrap();
    assert!(!send_back(&mut connection, 22).await);
    assert!(send_back(&mut connection, 23).await);
}
