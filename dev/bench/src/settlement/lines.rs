//! A day with many lines, as in operation, generated in the database.

use std::time::{Duration, Instant};

use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlConnection, MySqlPool};
use stack::Stack;

/// The number of lines that are generated in one transaction.
const AT_ONCE: u64 = 1_000_000;
const DAY_MICROS: u64 = 86_400 * 1_000_000;

/// One line in a hundred is refunded an hour after it was paid, those of the last hour after the end of the day. The lines
/// and their ids are in the order of the payments. The orders of the lines are not needed here.
const LINES: &str = "INSERT INTO order_lines (id, order_id, position, seller_id, store_id, store_name, item_id, \
        item_name, option_id, option_name, price, quantity, line_total, wish, status, paid_at, business_day, refund_id, \
        refund_day) \
     SELECT id, UNHEX(CONCAT('0192', LPAD(HEX(n DIV 4), 28, '0'))), n MOD 4, seller_id, seller_id, '하늘 디저트 공방', id, \
        '딸기 생크림 케이크', id, '1호', 1000 + n MOD 50000, 1 + n MOD 3, (1000 + n MOD 50000) * (1 + n MOD 3), id, \
        IF(n MOD 100 = 0, 'REFUNDED', 'ORDERED'), \
        CAST(? AS DATETIME(6)) - INTERVAL 9 HOUR + INTERVAL n * ? MICROSECOND, ?, \
        IF(n MOD 100 = 0, UNHEX(CONCAT(LPAD(HEX(FLOOR(1000 * (UNIX_TIMESTAMP(?) + (n * ?) / 1000000 - 28800))), 12, '0'), \
            '70008', LPAD(HEX(n), 15, '0'))), NULL), \
        IF(n MOD 100 = 0, ?, NULL) \
     FROM (SELECT n, UNHEX(CONCAT('0190', LPAD(HEX(n), 28, '0'))) AS id, UNHEX(MD5(n * 7919 MOD ?)) AS seller_id \
        FROM (SELECT ? * 1000000 + y.n * 1000 + x.n AS n FROM thousand y STRAIGHT_JOIN thousand x \
            WHERE y.n * 1000 + x.n < ?) AS numbers) AS entries";

/// The totals that checkouts and refunds leave: one row for most sellers, and four for one in twenty.
const TOTALS: [&str; 2] = [
    "INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) \
     SELECT business_day, seller_id, 0, SUM(line_total), SUM(IF(refund_day IS NULL, 0, line_total)) FROM order_lines \
     WHERE business_day = ? GROUP BY business_day, seller_id",
    "INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) \
     SELECT t.business_day, t.seller_id, x.n, 0, 0 FROM seller_day_totals t JOIN thousand x \
     WHERE t.business_day = ? AND ASCII(t.seller_id) MOD 20 = 0 AND x.n BETWEEN 1 AND 3",
];

/// A pool over the schema `orders`.
pub(super) async fn rows(stack: &Stack) -> anyhow::Result<MySqlPool> {
    let url = stack.servers().database_url("orders")?;
    let pool = MySqlPoolOptions::new().max_connections(4).connect(&url).await?;
    execute(&pool, "CREATE TABLE IF NOT EXISTS thousand (n INT PRIMARY KEY)").await?;
    execute(
        &pool,
        "INSERT IGNORE INTO thousand SELECT a.n + b.n * 10 + c.n * 100 FROM \
         (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
            UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a, \
         (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
            UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) b, \
         (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
            UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) c",
    )
    .await?;
    Ok(pool)
}

/// A statement without parameters.
pub(super) async fn execute(pool: &MySqlPool, sql: &str) -> sqlx::Result<u64> {
    Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).execute(pool).await?.rows_affected())
}

/// Today in Asia/Seoul.
pub(super) async fn today(pool: &MySqlPool) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT CAST(DATE(UTC_TIMESTAMP() + INTERVAL 9 HOUR) AS CHAR)").fetch_one(pool).await
}

/// Yesterday in Asia/Seoul.
pub(super) async fn yesterday(pool: &MySqlPool) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT CAST(DATE(UTC_TIMESTAMP() + INTERVAL 9 HOUR) - INTERVAL 1 DAY AS CHAR)")
        .fetch_one(pool)
        .await
}

/// Replaces all lines with a day of `lines` lines. Returns how long that took.
pub(super) async fn make(pool: &MySqlPool, day: &str, lines: u64, sellers: u64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut connection = pool.acquire().await?.detach();
    for statement in [
        "SET SESSION foreign_key_checks = 0, unique_checks = 0",
        "TRUNCATE TABLE order_lines",
        "TRUNCATE TABLE seller_day_totals",
        "TRUNCATE TABLE control_sums",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    for part in 0..lines.div_ceil(AT_ONCE) {
        let count = AT_ONCE.min(lines - part * AT_ONCE);
        insert(&mut connection, day, DAY_MICROS / lines, sellers, part, count).await?;
    }
    for totals in TOTALS {
        sqlx::query(totals).bind(day).execute(&mut connection).await?;
    }
    sqlx::query("ANALYZE TABLE order_lines, seller_day_totals").execute(&mut connection).await?;
    Ok(began.elapsed())
}

async fn insert(
    connection: &mut MySqlConnection,
    day: &str,
    step_micros: u64,
    sellers: u64,
    part: u64,
    count: u64,
) -> sqlx::Result<()> {
    sqlx::query(LINES)
        .bind(day)
        .bind(step_micros)
        .bind(day)
        .bind(day)
        .bind(step_micros)
        .bind(day)
        .bind(sellers)
        .bind(part)
        .bind(count)
        .execute(connection)
        .await?;
    Ok(())
}
