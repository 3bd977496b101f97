//! Customers who buy and cancel while midnight passes and two instances settle the day.

use std::time::Duration;

use futures::future::join_all;
use order_api::batch::{Cause, NoListener, RunError};
use order_api::settlement::settler::SettleError;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Market, Member, day, one};

const NIGHTS: u8 = 4;
const SHOPPERS: usize = 6;
/// How much the clock advances after each purchase.
const TICK: Duration = Duration::from_millis(100);

/// Counts the settlements that differ from the lines of their day.
const WRONG: &str = "SELECT COUNT(*) FROM settlements s WHERE gross <> \
     (SELECT COALESCE(SUM(line_total), 0) FROM order_lines l \
      WHERE l.business_day = s.business_day AND l.seller_id = s.seller_id) \
     OR refunds <> (SELECT COALESCE(SUM(line_total), 0) FROM order_lines l \
      WHERE l.refund_day = s.business_day AND l.seller_id = s.seller_id)";

/// Buys again and again, and cancels every third purchase.
async fn shop(
    market: &Market,
    customer: &Member,
    cakes: [Uuid; 2],
    bought: mpsc::UnboundedSender<()>,
    closing_time: CancellationToken,
) {
    let mut turn = 0;
    while !closing_time.is_cancelled() {
        turn += 1;
        let customer = market.world.token(customer, access::Role::Customer);
        let cake = cakes[turn % 2];
        let _ = market.world.add(&customer, cake, 1).await;
        let order = market.world.order(&customer, &one(cake)).await;
        assert!(order.status.is_success(), "{} {}", order.status, order.body);
        let line = order.body["lines"][0]["id"].as_str().expect("a line").to_owned();
        if turn % 3 == 0 {
            // This is refused if the order is not confirmed yet.
            let path = format!("/api/order/lines/{line}/cancel");
            let cancelled = market.world.orders.post(&path).bearer(&customer.token).send().await;
            assert!(!cancelled.status.is_server_error(), "{} {}", cancelled.status, cancelled.body);
        }
        let _ = bought.send(());
    }
}

/// Advances the clock with each purchase, and lets two instances try to settle the day until it is settled.
async fn settle_at_midnight(market: &Market, number: u8, mut bought: mpsc::UnboundedReceiver<()>) {
    let settlers =
        [(); 2].map(|()| market.world.settler_with(order_api::settings::SettlementSettings::default()));
    let mut is_settled = false;
    // Some more purchases, so that the next day has totals when it is settled.
    let mut rest = 2 * SHOPPERS;
    while rest > 0 {
        let _ = bought.recv().await;
        market.world.clock_control.advance(TICK);
        if is_settled {
            rest -= 1;
            continue;
        }
        let runs =
            settlers.each_ref().map(|one| one.settle_through(day(number), Cause::Request, &NoListener));
        for run in join_all(runs).await {
            match run {
                Ok(settled) => {
                    assert_eq!(settled.execution.exit_code.as_deref(), Some("COMPLETED"), "{settled:?}");
                    is_settled = true;
                }
                Err(SettleError::DayNotOver(_) | SettleError::Run(RunError::Busy { .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_13_nothing_that_is_bought_at_midnight_is_lost_between_two_days(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let other = market.world.seller().await;
    let (_, tarts) = market.world.item(&other, &[(1_000, 1_000_000)]).await;
    let customers = join_all([(); SHOPPERS].map(|()| market.world.customer(10_000_000))).await;
    for number in 1..=NIGHTS {
        market.go_to(day(number), "23:59");
        market.world.clock_control.advance(Duration::from_secs(58));
        let (sender, receiver) = mpsc::unbounded_channel();
        let closing_time = CancellationToken::new();
        let shopping = customers.iter().map(|customer| {
            shop(&market, customer, [market.cake, tarts[0]], sender.clone(), closing_time.clone())
        });
        let night = async {
            settle_at_midnight(&market, number, receiver).await;
            closing_time.cancel();
        };
        tokio::join!(join_all(shopping), night);
        market.world.finish_everything().await;
        assert_eq!(market.number(WRONG).await, 0);
        market.check_books().await;
    }
    market.go_to(day(NIGHTS + 2), "04:00");
    market.settle_due().await;
    assert_eq!(market.number(WRONG).await, 0);
    // All purchases before and after midnight are settled, and can be paid out.
    let days = market.number("SELECT COUNT(DISTINCT business_day) FROM settlements").await;
    assert_eq!(days, i64::from(NIGHTS) + 1);
    for seller in [&market.seller, &other] {
        let body = json!({ "from": day(1), "to": day(30) });
        let seller = market.world.token(seller, access::Role::Seller);
        let payout =
            market.world.orders.post("/api/order/payouts").bearer(&seller.token).key("all").json(&body);
        let _ = payout.send().await.expect(http::StatusCode::CREATED);
    }
    assert_eq!(market.world.escrow().await, 0);
    market.check_books().await;
}
