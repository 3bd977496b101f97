//! The cost of the running totals for a checkout: the transaction that confirms an order, straight on the database, with and
//! without the statement that adds to the totals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use sqlx::{Connection as _, MySqlConnection, MySqlPool};
use stack::Stack;

use super::arguments::Arguments;
use super::lines;
use super::lines::execute;
use crate::load::{self, Measured, Span, Work, median};
use crate::measured_stack::blocking;

/// The number of pending orders. Each is confirmed once.
const ORDERS: u64 = 600_000;
const QUICK_ORDERS: u64 = 150_000;
const SPAN: Span = Span { warm_up: Duration::from_millis(300), measured: Duration::from_millis(1_700) };
const QUICK_SPAN: Span = Span { warm_up: Duration::from_millis(100), measured: Duration::from_millis(400) };
const CONNECTIONS: [u64; 3] = [1, 8, 32];
const ROUNDS: u32 = 3;
/// The number of counter shards of order-api.
const SHARDS: u64 = 16;

/// How the totals are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Totals {
    None,
    OneRow,
    Sharded,
}

/// How many sellers the orders have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sellers {
    Many,
    One,
}

const VARIANTS: [(Sellers, Totals, &str); 5] = [
    (Sellers::Many, Totals::None, "many sellers, no totals"),
    (Sellers::Many, Totals::Sharded, "many sellers, totals"),
    (Sellers::One, Totals::None, "one seller, no totals"),
    (Sellers::One, Totals::OneRow, "one seller, totals in one row"),
    (Sellers::One, Totals::Sharded, "one seller, totals in shards"),
];

/// Orders with one line, paid and not confirmed.
const PENDING: [&str; 3] = [
    "INSERT INTO orders (id, customer_id, status, total, created_at) \
     SELECT UNHEX(CONCAT('0193', LPAD(HEX(n), 28, '0'))), UNHEX(MD5(n)), 'PENDING', 38000, UTC_TIMESTAMP(6) FROM numbers",
    "INSERT INTO order_lines (id, order_id, position, seller_id, store_id, store_name, item_id, item_name, option_id, \
        option_name, price, quantity, line_total, wish, status) \
     SELECT UNHEX(CONCAT('0194', LPAD(HEX(n), 28, '0'))), UNHEX(CONCAT('0193', LPAD(HEX(n), 28, '0'))), 0, UNHEX(MD5(n)), \
        UNHEX(MD5(n)), '하늘 디저트 공방', UNHEX(MD5(n)), '딸기 생크림 케이크', UNHEX(MD5(n)), '1호', 38000, 1, 38000, \
        UNHEX(MD5(n)), 'PENDING' FROM numbers",
    "INSERT INTO checkouts (order_id, state, reserved_until, attempt, lease_until, created_at) \
     SELECT UNHEX(CONCAT('0193', LPAD(HEX(n), 28, '0'))), 'PAYING', UTC_TIMESTAMP(6) + INTERVAL 1 DAY, 1, \
        UTC_TIMESTAMP(6) + INTERVAL 1 DAY, UTC_TIMESTAMP(6) FROM numbers",
];

/// Measures and prints. There is no aim.
pub(super) async fn measure(stack: &Arc<Stack>, arguments: &Arguments) -> anyhow::Result<()> {
    // No worker of order-api may claim these orders.
    blocking(stack, |stack| stack.stop("order-api")).await?;
    let rows = lines::rows(stack).await?;
    let orders = if arguments.quick { QUICK_ORDERS } else { ORDERS };
    let span = if arguments.quick { QUICK_SPAN } else { SPAN };
    insert_pending(&rows, orders).await?;
    let next = Arc::new(AtomicU64::new(0));
    let today: Arc<str> = lines::today(&rows).await?.into();
    println!("Confirming an order of one line, straight on the database (median of {ROUNDS} rounds)");
    println!(
        "    {:>11}  {:32} {:>9} {:>9} {:>9} {:>9}",
        "connections", "", "a second", "p50 ms", "p99 ms", "ratio"
    );
    for connections in CONNECTIONS {
        let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); VARIANTS.len()];
        for _ in 0..ROUNDS {
            for ((sellers, totals, _), measured) in VARIANTS.iter().zip(&mut measured) {
                let mut workers = Vec::new();
                for worker in 0..connections {
                    let connection = connect(stack).await?;
                    let (next, today) = (Arc::clone(&next), Arc::clone(&today));
                    let (sellers, totals) = (*sellers, *totals);
                    workers.push(Confirm { connection, next, today, orders, worker, sellers, totals });
                }
                measured.push(load::drive(workers, span).await?);
            }
        }
        print(connections, &measured);
    }
    println!();
    Ok(())
}

async fn insert_pending(rows: &MySqlPool, orders: u64) -> anyhow::Result<()> {
    for table in ["outbox", "checkouts", "seller_day_totals"] {
        execute(rows, &format!("DELETE FROM {table}")).await?;
    }
    execute(rows, "DROP VIEW IF EXISTS numbers").await?;
    let view = format!(
        "CREATE VIEW numbers AS SELECT y.n * 1000 + x.n AS n FROM thousand y JOIN thousand x WHERE y.n < {}",
        orders / 1_000
    );
    execute(rows, &view).await?;
    for statement in PENDING {
        execute(rows, statement).await?;
    }
    Ok(())
}

/// A connection with the settings of order-api.
async fn connect(stack: &Stack) -> anyhow::Result<MySqlConnection> {
    let mut connection = MySqlConnection::connect(&stack.servers().database_url("orders")?).await?;
    sqlx::query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").execute(&mut connection).await?;
    Ok(connection)
}

struct Confirm {
    connection: MySqlConnection,
    next: Arc<AtomicU64>,
    today: Arc<str>,
    orders: u64,
    worker: u64,
    sellers: Sellers,
    totals: Totals,
}

impl Work for Confirm {
    /// The statements of `order-api`'s transaction `checkout_confirm`.
    async fn once(&mut self) -> anyhow::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        ensure!(number < self.orders, "all {} orders are confirmed", self.orders);
        let order_id = id(0x0193, number);
        let mut tx = self.connection.begin().await?;
        sqlx::query("DELETE FROM checkouts WHERE order_id = ? AND attempt = ?")
            .bind(order_id)
            .bind(1_u32)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE orders SET status = 'CONFIRMED', customer_name = ? WHERE id = ?")
            .bind("홍길동")
            .bind(order_id)
            .execute(&mut *tx)
            .await?;
        if self.totals != Totals::None {
            let seller = if self.sellers == Sellers::One { 0 } else { number.wrapping_mul(7_919) % 100_000 };
            let shard = if self.totals == Totals::Sharded { self.worker % SHARDS } else { 0 };
            // With many sellers, the orders of one seller rarely meet, so all use the first shard.
            let shard = if self.sellers == Sellers::Many { 0 } else { shard };
            sqlx::query(
                "INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) \
                 VALUES (?, ?, ?, ?, ?) \
                 ON DUPLICATE KEY UPDATE gross = gross + VALUES(gross), refunds = refunds + VALUES(refunds)",
            )
            .bind(&*self.today)
            .bind(id(0x0195, seller))
            .bind(shard)
            .bind(38_000_i64)
            .bind(0_i64)
            .execute(&mut *tx)
            .await?;
        }
        let confirmed = sqlx::query(
            "UPDATE order_lines SET status = 'ORDERED', paid_at = UTC_TIMESTAMP(6), business_day = ? \
             WHERE order_id = ? AND NOT EXISTS \
             (SELECT 1 FROM settlement_days AS closed WHERE closed.business_day >= ?)",
        )
        .bind(&*self.today)
        .bind(order_id)
        .bind(&*self.today)
        .execute(&mut *tx)
        .await?;
        ensure!(confirmed.rows_affected() == 1, "the day is closed");
        sqlx::query(
            "INSERT INTO outbox (subject_id, kind, attempt, lease_until, created_at) \
             VALUES (?, 'CONFIRM_RESERVATION', 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)), \
                (?, 'DROP_CART_LINES', 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        )
        .bind(order_id)
        .bind(order_id)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

fn id(prefix: u128, number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(prefix << 112 | u128::from(number))
}

fn print(connections: u64, measured: &[Vec<Measured>]) {
    let mut without = f64::NAN;
    for ((_, totals, name), rounds) in VARIANTS.iter().zip(measured) {
        let of = |figure: &dyn Fn(&Measured) -> f64| median(rounds.iter().map(figure).collect());
        let rate = of(&|one| one.per_second);
        if *totals == Totals::None {
            without = rate;
        }
        let at = |percent: usize| of(&|one| one.percentile(percent).as_secs_f64() * 1_000.0);
        println!(
            "    {connections:>11}  {name:32} {rate:>9.0} {:>9.2} {:>9.2} {:>9.2}",
            at(50),
            at(99),
            rate / without
        );
    }
}
