//! What a day is settled with, and when.

use http::StatusCode;
use order_api::batch::{Cause, NoListener};
use order_api::settings::SettlementSettings;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use time::macros::datetime;

use crate::support::{Market, day};

fn settled(day: u8, gross: i64, refunds: i64) -> (String, i64, i64, i64, String) {
    (format!("2026-11-{day:02}"), gross, refunds, gross - refunds, "PENDING".to_owned())
}

#[sqlx::test(migrations = "./migrations")]
async fn a_day_is_settled_at_four_in_the_morning(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    market.sell(3).await;
    market.sell(4).await;
    market.world.clock_control.set(datetime!(2026-11-22 18:59:59 UTC));
    market.settle_due().await;
    assert_eq!(market.statement().await, []);
    market.world.clock_control.set(datetime!(2026-11-22 19:00 UTC));
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(22, 7_000, 0)]);
    assert_eq!(market.runs(day(22)).await, [("COMPLETED".to_owned(), "COMPLETED".to_owned())]);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_business_day_ends_at_midnight_in_seoul(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    market.world.clock_control.set(datetime!(2026-11-22 14:59:59.999999 UTC));
    market.sell(1).await;
    market.world.clock_control.set(datetime!(2026-11-22 15:00 UTC));
    market.sell(2).await;
    market.go_to(day(24), "04:00");
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(23, 2_000, 0), settled(22, 1_000, 0)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_13_it_does_not_matter_when_or_how_often_the_job_runs(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    // A sale late in the evening, and a run that is five days late. Every day has its run, in order.
    market.go_to(day(22), "23:00");
    market.sell(1).await;
    market.go_to(day(24), "00:10");
    market.sell(2).await;
    market.go_to(day(27), "17:45");
    for _ in 0..3 {
        market.settle_due().await;
    }
    assert_eq!(market.statement().await, [settled(24, 2_000, 0), settled(22, 1_000, 0)]);
    for number in 22..=26 {
        assert_eq!(market.runs(day(number)).await.len(), 1, "{number}");
    }
    assert_eq!(market.runs(day(27)).await, []);
    assert_eq!(market.number("SELECT COUNT(*) FROM settlements").await, 2);
    let closed = market.number("SELECT COUNT(*) FROM settlement_days").await;
    assert_eq!(closed, 5);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_day_without_sales_is_settled_too(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let market = Market::new(options).await;
    // Nothing was sold, so there is nothing to settle.
    market.go_to(day(23), "05:00");
    market.settle_due().await;
    assert_eq!(market.runs(day(22)).await, []);
    market.sell(1).await;
    market.go_to(day(26), "04:00");
    market.settle_due().await;
    let complete = [("COMPLETED".to_owned(), "COMPLETED".to_owned())];
    assert_eq!(
        (market.runs(day(24)).await, market.runs(day(25)).await),
        (complete.to_vec(), complete.to_vec())
    );
    assert_eq!(market.statement().await, [settled(23, 1_000, 0)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refund_before_its_day_is_settled_lowers_that_day(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let (cancelled, refunded) = (market.sell(2).await, market.sell(3).await);
    market.sell(5).await;
    let _ = market.cancel(cancelled).await.expect(StatusCode::OK);
    // After midnight, before the settlement.
    market.go_to(day(23), "03:59");
    market.refund(refunded).await;
    market.go_to(day(23), "04:00");
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(22, 10_000, 5_000)]);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_12_a_refund_after_settlement_is_a_negative_part_of_the_day_it_was_accepted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let line = market.sell(2).await;
    let waiting = market.sell(3).await;
    // An open request changes nothing: the line is settled like any other line.
    let _ = market.request_refund(waiting).await.expect(StatusCode::OK);
    market.go_to(day(23), "04:00");
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(22, 5_000, 0)]);

    // The day of the refund is the day on which it is accepted, by the clock of the service. No request names a day.
    market.go_to(day(24), "00:00");
    let _ = market.accept_refund(&market.seller, waiting).await.expect(StatusCode::OK);
    market.refund(line).await;
    market.go_to(day(25), "04:00");
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(24, 0, 5_000), settled(22, 5_000, 0)]);
    let days: Vec<(time::Date, time::Date)> =
        sqlx::query_as("SELECT business_day, refund_day FROM order_lines")
            .fetch_all(&market.world.order_rows)
            .await
            .unwrap();
    assert_eq!(days, [(day(22).date(), day(24).date()); 2]);
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_14_sums_beyond_32_bits_are_settled_and_paid_to_the_won(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let (_, cakes) = market.world.item(&market.seller, &[(10_000_000, 1_000_000)]).await;
    // The balance is set in the table: a charge is ten million won at most.
    sqlx::query("UPDATE wallets SET balance = 40000000000 WHERE member_id = ?")
        .bind(market.customer.id.0)
        .execute(&market.world.member_rows)
        .await
        .unwrap();
    for _ in 0..3 {
        market.sell_of(cakes[0], 999).await;
    }
    market.go_to(day(23), "04:00");
    market.settle_due().await;
    assert_eq!(market.statement().await, [settled(22, 29_970_000_000, 0)]);
    let paid = market.pay(22, 22).await.expect(StatusCode::CREATED).body;
    assert_eq!(paid["amount"], json!(29_970_000_000_i64));
    assert_eq!(market.world.balance(&market.seller).await, 29_970_000_000);
    market.check_books().await;
}

/// Statements that corrupt a day with sales of two sellers, each with the statement that repairs it.
const TAMPERED: [[&str; 2]; 5] = [
    [
        "UPDATE seller_day_totals SET gross = gross + 1 WHERE business_day = DAY ORDER BY seller_id LIMIT 1",
        "UPDATE seller_day_totals SET gross = gross - 1 WHERE business_day = DAY ORDER BY seller_id LIMIT 1",
    ],
    [
        "UPDATE seller_day_totals SET refunds = refunds + 1 WHERE business_day = DAY ORDER BY seller_id LIMIT 1",
        "UPDATE seller_day_totals SET refunds = refunds - 1 WHERE business_day = DAY ORDER BY seller_id LIMIT 1",
    ],
    [
        "UPDATE seller_day_totals SET business_day = '2030-01-01' WHERE business_day = DAY ORDER BY seller_id LIMIT 1",
        "UPDATE seller_day_totals SET business_day = DAY WHERE business_day = '2030-01-01'",
    ],
    // The sales of the sellers are exchanged. The plain sums do not change.
    [
        "UPDATE seller_day_totals SET gross = 5000 - gross WHERE business_day = DAY",
        "UPDATE seller_day_totals SET gross = 5000 - gross WHERE business_day = DAY",
    ],
    [
        "UPDATE order_lines SET line_total = line_total + quantity, price = price + 1 WHERE business_day = DAY",
        "UPDATE order_lines SET line_total = line_total - quantity, price = price - 1 WHERE business_day = DAY",
    ],
];

#[sqlx::test(migrations = "./migrations")]
async fn fault_02_totals_that_differ_from_the_lines_stop_the_settlement_and_nobody_is_paid(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let other = market.world.seller().await;
    let (_, tarts) = market.world.item(&other, &[(1_000, 100)]).await;
    let settler = &market.world.app.settler;
    for ([tamper, repair], number) in TAMPERED.into_iter().zip(1..) {
        let of_day = |sql: &str| sql.replace("DAY", &format!("'{}'", day(number)));
        market.go_to(day(number), "12:00");
        market.sell(3).await;
        market.sell_of(tarts[0], 2).await;
        market.tamper(&of_day(tamper)).await;

        market.go_to(day(number + 2), "04:00");
        // The schedule does not run the day again, nor a later day.
        market.settle_due().await;
        market.settle_due().await;
        let failed = ("FAILED".to_owned(), "TOTALS_DIFFER".to_owned());
        assert_eq!(market.runs(day(number)).await, [failed], "{tamper}");
        assert_eq!(market.runs(day(number + 1)).await, [], "{tamper}");
        assert_eq!(market.statement().await.len() + 1, usize::from(number), "{tamper}");
        let _ = market.pay(number, number).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");

        market.tamper(&of_day(repair)).await;
        let run = settler.settle_through(day(number), Cause::Request, &NoListener).await.unwrap();
        assert_eq!(run.execution.exit_code.as_deref(), Some("COMPLETED"), "{repair}");
        assert_eq!(market.statement().await[0], settled(number, 3_000, 0));
    }
    market.check_books().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repaired_day_is_settled_when_an_administrator_starts_a_run(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    market.sell(3).await;
    market.tamper("UPDATE seller_day_totals SET gross = gross - 1").await;
    market.go_to(day(24), "04:00");
    market.settle_due().await;
    let shown = market.world.app.settler.runs(Some(day(22)), None, 10).await.unwrap();
    let message = shown[0].exit_message.clone().unwrap();
    let seller = market.seller.id.0;
    assert!(message.contains(&format!("{seller} gross -1원, refunds 0원")), "{message}");

    market.tamper("UPDATE seller_day_totals SET gross = gross + 1").await;
    let settler = &market.world.app.settler;
    let run = settler.settle_through(day(22), Cause::Request, &NoListener).await.unwrap();
    assert_eq!(run.execution.exit_code.as_deref(), Some("COMPLETED"));
    market.settle_due().await;
    assert_eq!(market.runs(day(23)).await.len(), 1);
    assert_eq!(market.statement().await, [settled(22, 3_000, 0)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_big_day_is_proved_with_the_sums_that_were_read_ahead(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let settler =
        market.world.settler_with(SettlementSettings { read_anew_lines: 2, ..SettlementSettings::default() });
    let read = "SELECT CAST(COALESCE(SUM(line_count), 0) AS SIGNED) FROM control_sums";
    let read_refunds = "SELECT CAST(COALESCE(SUM(refunds), 0) AS SIGNED) FROM control_sums";
    let mut lines = Vec::new();
    for time in ["18:00", "19:30", "23:50"] {
        market.go_to(day(22), time);
        lines.push(market.sell(3).await);
        settler.read_ahead().await.unwrap();
    }
    // Payments and refunds of the last two minutes are left for later.
    assert_eq!(market.number(read).await, 2);
    market.go_to(day(22), "23:55");
    market.refund(lines[0]).await;
    settler.read_ahead().await.unwrap();
    assert_eq!((market.number(read).await, market.number(read_refunds).await), (3, 0));
    market.go_to(day(23), "00:05");
    settler.read_ahead().await.unwrap();
    settler.read_ahead().await.unwrap();
    assert_eq!((market.number(read).await, market.number(read_refunds).await), (3, 3_000));
    // The day is over, but not closed: this refund still lowers it, and is read when the day is settled.
    market.refund(lines[1]).await;

    // Lines that were read ahead are not read again, because the day is big.
    for id in [lines[0], lines[2]] {
        let change = format!(
            "UPDATE order_lines SET price = 1001, line_total = 3003 WHERE id = UNHEX('{}')",
            id.simple()
        );
        market.tamper(&change).await;
    }
    market.go_to(day(23), "04:00");
    let run = settler.settle_through(day(22), Cause::Schedule, &NoListener).await.unwrap();
    assert_eq!(run.execution.exit_code.as_deref(), Some("COMPLETED"));
    // A closed day is not read ahead.
    settler.read_ahead().await.unwrap();
    assert_eq!(market.number("SELECT COUNT(*) FROM control_sums WHERE business_day = '2026-11-23'").await, 1);
    assert_eq!(market.statement().await, [settled(22, 9_000, 6_000)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn wrong_sums_that_were_read_ahead_are_read_again_before_the_proof_fails(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let market = Market::new(options).await;
    let settler =
        market.world.settler_with(SettlementSettings { read_anew_lines: 0, ..SettlementSettings::default() });
    for (number, sum) in [(22, "gross"), (23, "refunds")] {
        market.go_to(day(number), "12:00");
        let line = market.sell(3).await;
        market.refund(line).await;
        market.go_to(day(number + 1), "01:00");
        settler.read_ahead().await.unwrap();
        market.tamper(&format!("UPDATE control_sums SET {sum} = {sum} - 1000 WHERE {sum} = 3000")).await;
        market.go_to(day(number + 1), "04:00");
        let run = settler.settle_through(day(number), Cause::Schedule, &NoListener).await.unwrap();
        assert_eq!(run.execution.exit_code.as_deref(), Some("COMPLETED"));
    }
}
