//! Transactions that add to a day at the moment when the day is closed.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use order_api::batch::{Cause, NoListener};
use order_api::orders::additions;
use order_api::orders::db::{order_lines, orders};
use order_api::orders::line::LineStatus;
use order_api::orders::order::{Payment, Refund};
use order_api::settlement::db::seller_day_totals;
use order_api::settlement::settler::{SettleError, Settled};
use order_api::settlement::totals::Addition;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{Market, day, one};

/// Whether a run waits for the transactions that have added to the totals of a day.
async fn is_draining(market: &Market) -> bool {
    let mut at_work = testkit::statements(&market.world.order_rows).await.into_iter();
    at_work.any(|sql| sql.contains("seller_day_totals") && sql.ends_with("FOR UPDATE"))
}

/// Begins to settle the 22nd, and waits until the run waits for such a transaction.
async fn settle_until_draining(market: &Market) -> JoinHandle<Result<Settled, SettleError>> {
    let settler = market.world.app.settler.clone();
    let run = tokio::spawn(async move { settler.settle_through(day(22), Cause::Request, &NoListener).await });
    // `until` cannot be used in a transaction: the compiler does not know that the future of its condition is `Send`.
    let draining = async {
        while !is_draining(market).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), draining).await.expect("the run waits in time");
    run
}

/// An order that is not confirmed, and what its confirmation adds to the totals.
async fn unconfirmed(market: &Market) -> (Uuid, Vec<(Addition, u8)>, Payment) {
    market.go_to(day(22), "23:58");
    market.world.to_member.end_all();
    let (instance, client) = market.world.instance_that_does_not_wait();
    let customer = market.world.token(&market.customer, access::Role::Customer);
    let _ = market.world.add(&customer, market.cake, 2).await.expect(StatusCode::OK);
    let request =
        client.post("/api/order/orders").bearer(&customer.token).key("late").json(&one(market.cake));
    let order = request.send().await.expect(StatusCode::ACCEPTED).body;
    crate::support::wait_until_idle(&instance).await;
    market.world.to_member.restore();
    let id: Uuid = order["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let find = market
        .world
        .app
        .database
        .read("order_find", move |connection| Box::pin(orders::find(connection, id)));
    let order = find.await.expect("an answer").expect("the order");
    let payment = Payment { at: day(22).at("23:59".parse().expect("a time")), day: day(22) };
    let additions =
        additions::of_sale(&order.lines, day(22)).into_iter().map(|addition| (addition, 0)).collect();
    (id, additions, payment)
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sale_that_is_being_confirmed_when_its_day_is_closed_is_waited_for(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Arc::new(Market::new(options).await);
    market.sell(1).await;
    let (order_id, additions, payment) = unconfirmed(&market).await;
    market.go_to(day(23), "00:00");

    let shared = Arc::clone(&market);
    let confirm = market.world.app.database.run_tx("confirm", move |connection| {
        let (market, additions) = (Arc::clone(&shared), additions.clone());
        Box::pin(async move {
            orders::confirm(connection, order_id, "김달콤").await?;
            seller_day_totals::add(connection, &additions).await?;
            assert!(order_lines::confirm(connection, order_id, payment).await?);
            let run = settle_until_draining(&market).await;
            assert_eq!(market.number("SELECT COUNT(*) FROM settlement_days").await, 1);
            Ok::<_, sqlx::Error>(run)
        })
    });
    let run = confirm.await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().execution.exit_code.as_deref(), Some("COMPLETED"));
    assert_eq!(market.number("SELECT gross FROM settlements").await, 3_000);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sale_that_updates_its_lines_after_the_day_is_closed_is_rolled_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Arc::new(Market::new(options).await);
    market.sell(1).await;
    let (order_id, additions, payment) = unconfirmed(&market).await;
    market.go_to(day(23), "00:00");

    let shared = Arc::clone(&market);
    let confirm = market.world.app.database.run_tx("confirm", move |connection| {
        let (market, additions) = (Arc::clone(&shared), additions.clone());
        Box::pin(async move {
            seller_day_totals::add(connection, &additions).await?;
            let run = settle_until_draining(&market).await;
            assert!(!order_lines::confirm(connection, order_id, payment).await?);
            sqlx::query("ROLLBACK").execute(connection).await?;
            Ok::<_, sqlx::Error>(run)
        })
    });
    let run = confirm.await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().execution.exit_code.as_deref(), Some("COMPLETED"));
    assert_eq!(market.number("SELECT gross FROM settlements").await, 1_000);
    // The process that claims the checkout confirms it for the current day.
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
    market.world.app.settler.settle_through(day(22), Cause::Request, &NoListener).await.unwrap();
    market.go_to(day(22), "23:59");
    let (instance, client) = market.world.instance_that_does_not_wait();
    let customer = market.world.token(&market.customer, access::Role::Customer);
    let _ = market.world.add(&customer, market.cake, 2).await.expect(StatusCode::OK);
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(market.cake));
    let order = request.send().await.expect(StatusCode::ACCEPTED).body;
    crate::support::wait_until_idle(&instance).await;
    let shown = market.world.show(&customer, order["id"].as_str().unwrap()).await;
    assert_eq!(shown["status"], "PENDING");
    assert_eq!(market.number("SELECT COUNT(*) FROM seller_day_totals").await, 1);
    // Half a minute later it is midnight on this clock too.
    market.world.clock_control.advance(Duration::from_secs(30));
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

    // A transaction has locked the totals of the day, so its settlement waits between closing the day and proving the totals.
    let mut adding = market.world.order_rows.acquire().await.unwrap();
    // The isolation level of the connections of the service: it locks rows, but no gaps.
    for statement in [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "BEGIN",
        "SELECT * FROM seller_day_totals FOR UPDATE",
    ] {
        sqlx::raw_sql(statement).execute(&mut *adding).await.unwrap();
    }
    let run = settle_until_draining(&market).await;
    let accepted = market.accept_refund(&market.seller, line).await.expect(StatusCode::OK);
    assert_eq!(accepted.body["status"], json!("REFUNDED"));
    sqlx::raw_sql("ROLLBACK").execute(&mut *adding).await.unwrap();
    run.await.unwrap().unwrap();

    market.go_to(day(24), "04:00");
    market.settle_due().await;
    let statement: Vec<_> =
        market.statement().await.into_iter().map(|(day, _, _, net, _)| (day, net)).collect();
    assert_eq!(statement, [("2026-11-23".to_owned(), -3_000), ("2026-11-22".to_owned(), 3_000)]);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refund_cannot_be_written_for_a_closed_day(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    let line = market.sell(3).await;
    let database = &market.world.app.database;
    let find = database.read("line_find", move |connection| Box::pin(order_lines::find(connection, line)));
    let found = find.await.unwrap().unwrap();
    let refund = async |number: u8| {
        let refund = Refund { id: Uuid::new_v4(), day: day(number), paid_back_at: None };
        let mut line = found.line.clone();
        line.status = LineStatus::Refunded;
        let write = database.run_autocommit("refund", move |connection| {
            Box::pin(async move { order_lines::refund(connection, &line, refund).await })
        });
        write.await.unwrap()
    };
    market.go_to(day(23), "00:00");
    market.world.app.settler.settle_through(day(22), Cause::Request, &NoListener).await.unwrap();
    assert!(!refund(22).await);
    assert!(refund(23).await);
}
