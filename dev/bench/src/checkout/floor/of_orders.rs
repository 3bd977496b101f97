//! The statements of order-api, and those of its idempotency keys.

use std::time::Duration;

use clock::Clock;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use uuid::Uuid;

use super::order::{NAMES, OrderIds, rows, total};
use crate::checkout::market::Offer;

/// It has the length of order-api's answer to an order with one line.
const ANSWER: [u8; 700] = [b'x'; 700];
/// Korea has had no daylight saving time since 1988.
const SEOUL_IS_AHEAD: Duration = Duration::from_secs(9 * 60 * 60);

/// crates/idempotency, before the request.
pub(super) async fn claim_key(db: &mut MySqlConnection, clock: &Clock, order: &OrderIds) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO orders.idempotency_keys \
         (member_id, route, idempotency_key, operation_id, fingerprint, created_at, leased_until) \
         VALUES (?, 'POST /api/order/orders', ?, ?, ?, ?, ?)",
    )
    .bind(order.customer_id)
    .bind(&order.key)
    .bind(order.id)
    .bind([7_u8; 32].as_slice())
    .bind(clock.now())
    .bind(clock.now())
    .execute(db)
    .await
    .map(|_| ())
}

/// order-api: stores the order before its first step.
pub(super) async fn begin(
    db: &mut MySqlConnection,
    clock: &Clock,
    order: &OrderIds,
    offers: &[Offer],
) -> sqlx::Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO orders.orders (id, customer_id, status, failure, total, created_at) \
         VALUES (?, ?, 'PENDING', NULL, ?, ?)",
    )
    .bind(order.id)
    .bind(order.customer_id)
    .bind(total(offers))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let sql = format!(
        "INSERT INTO orders.order_lines (id, order_id, position, option_id, option_name, item_id, item_name, \
         store_id, store_name, seller_id, price, quantity, line_total, wish, status) VALUES {}",
        rows("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 'PENDING')", offers.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (position, offer) in (0_u16..).zip(offers) {
        query = query
            .bind(clock.new_id())
            .bind(order.id)
            .bind(position)
            .bind(offer.option_id)
            .bind(NAMES)
            .bind(offer.item_id)
            .bind(NAMES)
            .bind(offer.store_id)
            .bind(NAMES)
            .bind(offer.seller_id)
            .bind(offer.price)
            .bind(offer.price)
            .bind(clock.new_id());
    }
    query.execute(&mut *tx).await?;
    sqlx::query(
        "INSERT INTO orders.checkouts (order_id, state, reserved_until, attempt, lease_until, created_at) \
         VALUES (?, 'RESERVING', ?, 1, ?, ?)",
    )
    .bind(order.id)
    .bind(now)
    // No worker claims it within this lease.
    .bind(now + Duration::from_secs(600))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// order-api: confirms the order. After that it is not undone.
pub(super) async fn confirm(
    db: &mut MySqlConnection,
    clock: &Clock,
    order: &OrderIds,
    offers: &[Offer],
    shard: u8,
) -> sqlx::Result<()> {
    let now = clock.now();
    let day = (now + SEOUL_IS_AHEAD).date();
    let mut tx = db.begin().await?;
    sqlx::query("DELETE FROM orders.checkouts WHERE order_id = ? AND attempt = 1")
        .bind(order.id)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE orders.orders SET status = 'CONFIRMED', customer_name = ? WHERE id = ?")
        .bind(NAMES)
        .bind(order.id)
        .execute(&mut *tx)
        .await?;
    let mut sellers: Vec<Uuid> = offers.iter().map(|offer| offer.seller_id).collect();
    sellers.sort_unstable();
    sellers.dedup();
    let sql = format!(
        "INSERT INTO orders.seller_day_totals (business_day, seller_id, lane, gross, refunds) VALUES {} \
         ON DUPLICATE KEY UPDATE gross = gross + VALUES(gross), refunds = refunds + VALUES(refunds)",
        rows("(?, ?, ?, ?, 0)", sellers.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for seller_id in sellers {
        let gross: i64 =
            offers.iter().filter(|offer| offer.seller_id == seller_id).map(|offer| offer.price).sum();
        query = query.bind(day).bind(seller_id).bind(shard).bind(gross);
    }
    query.execute(&mut *tx).await?;
    sqlx::query(
        "UPDATE orders.order_lines SET status = 'ORDERED', paid_at = ?, business_day = ? WHERE order_id = ? \
         AND NOT EXISTS (SELECT 1 FROM orders.settlement_days AS closed WHERE closed.business_day >= ?)",
    )
    .bind(now)
    .bind(day)
    .bind(order.id)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO orders.outbox (subject_id, kind, attempt, lease_until, created_at) \
         VALUES (?, 'CONFIRM_RESERVATION', 1, ?, ?), (?, 'DROP_CART_LINES', 1, ?, ?)",
    )
    .bind(order.id)
    .bind(now + Duration::from_secs(600))
    .bind(now)
    .bind(order.id)
    .bind(now + Duration::from_secs(600))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// order-api: removes the delivered entries of the outbox.
pub(super) async fn empty_outbox(db: &mut MySqlConnection, order: &OrderIds) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM orders.outbox WHERE (subject_id, kind) IN ((?, ?), (?, ?))")
        .bind(order.id)
        .bind("DROP_CART_LINES")
        .bind(order.id)
        .bind("CONFIRM_RESERVATION")
        .execute(db)
        .await
        .map(|_| ())
}

/// crates/idempotency, after the request.
pub(super) async fn store_answer(db: &mut MySqlConnection, order: &OrderIds) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE orders.idempotency_keys SET status = 201, content_type = 'application/json', location = ?, body = ? \
         WHERE member_id = ? AND route = 'POST /api/order/orders' AND idempotency_key = ? AND operation_id = ? \
         AND status IS NULL",
    )
    .bind(format!("/api/order/orders/{}", order.id))
    .bind(ANSWER.as_slice())
    .bind(order.customer_id)
    .bind(&order.key)
    .bind(order.id)
    .execute(db)
    .await
    .map(|_| ())
}
