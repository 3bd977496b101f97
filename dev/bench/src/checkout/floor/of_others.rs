//! The statements of store-api and member-api.

use std::time::Duration;

use clock::Clock;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use uuid::Uuid;

use super::order::{OrderIds, rows, total};
use crate::checkout::market::Offer;

/// The escrow account of the ledger.
const ESCROW: Uuid = Uuid::from_u128(2);

/// store-api: reads the options.
pub(super) async fn look_up(db: &mut MySqlConnection, offers: &[Offer]) -> sqlx::Result<()> {
    let sql = format!(
        "SELECT o.id AS option_id, o.item_id, i.store_id, i.seller_id, s.name AS store_name, i.name AS item_name, \
         o.name AS option_name, o.price, o.on_hand, o.live IS NOT NULL AS option_is_live, \
         i.live IS NOT NULL AS item_is_live \
         FROM store.options o JOIN store.items i ON i.id = o.item_id JOIN store.stores s ON s.id = i.store_id \
         WHERE o.id IN ({})",
        rows("?", offers.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for offer in offers {
        query = query.bind(offer.option_id);
    }
    query.fetch_all(db).await.map(|_| ())
}

/// store-api: reserves the stock.
pub(super) async fn reserve(
    db: &mut MySqlConnection,
    clock: &Clock,
    order: &OrderIds,
    offers: &[Offer],
) -> sqlx::Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO store.reservations (order_id, status, expires_at, created_at, updated_at) \
         VALUES (?, 'HELD', ?, ?, ?)",
    )
    .bind(order.id)
    .bind(now + Duration::from_secs(900))
    .bind(now)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let sql = format!(
        "INSERT INTO store.reservation_lines (order_id, option_id, quantity, restocked) VALUES {}",
        rows("(?, ?, ?, 0)", offers.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for offer in offers {
        query = query.bind(order.id).bind(offer.option_id).bind(1_i64);
    }
    query.execute(&mut *tx).await?;
    for offer in offers {
        sqlx::query(
            "UPDATE store.options SET on_hand = LAST_INSERT_ID(on_hand - ?), reserved = reserved + ? \
             WHERE id = ? AND live = 1 AND on_hand >= ?",
        )
        .bind(1_i64)
        .bind(1_i64)
        .bind(offer.option_id)
        .bind(1_i64)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// member-api: moves the money into escrow, and reads the customer's name.
pub(super) async fn pay(
    db: &mut MySqlConnection,
    clock: &Clock,
    order: &OrderIds,
    offers: &[Offer],
) -> sqlx::Result<()> {
    let amount = total(offers);
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO member.transfers (id, kind, reference, created_at) VALUES (?, 'ORDER_PAYMENT', ?, ?)",
    )
    .bind(order.id)
    .bind(order.id.to_string())
    .bind(clock.now())
    .execute(&mut *tx)
    .await?;
    let done = sqlx::query(
        "UPDATE member.wallets SET balance = LAST_INSERT_ID(balance + ?), version = version + 1 \
         WHERE member_id = ? AND balance BETWEEN ? AND ? AND (closed_at IS NULL OR ?)",
    )
    .bind(-amount)
    .bind(order.customer_id)
    .bind(amount)
    .bind(1_000_000_000_000_i64)
    .bind(false)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO member.postings (transfer_id, account, amount, entry_no, balance_after) VALUES \
         (?, ?, ?, (SELECT version FROM member.wallets WHERE member_id = ?), ?), (?, ?, ?, NULL, NULL)",
    )
    .bind(order.id)
    .bind(order.customer_id)
    .bind(-amount)
    .bind(order.customer_id)
    .bind(done.last_insert_id())
    .bind(order.id)
    .bind(ESCROW)
    .bind(amount)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    sqlx::query("SELECT name FROM member.members WHERE id = ?")
        .bind(order.customer_id)
        .fetch_one(db)
        .await
        .map(|_| ())
}

/// store-api: marks the reserved stock as sold.
pub(super) async fn sell(
    db: &mut MySqlConnection,
    clock: &Clock,
    order: &OrderIds,
    offers: &[Offer],
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("SELECT status, expires_at FROM store.reservations WHERE order_id = ? FOR UPDATE")
        .bind(order.id)
        .fetch_optional(&mut *tx)
        .await?;
    sqlx::query("SELECT option_id, quantity FROM store.reservation_lines WHERE order_id = ?")
        .bind(order.id)
        .fetch_all(&mut *tx)
        .await?;
    let bought: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT i.number, CAST(SUM(l.quantity) AS SIGNED) FROM store.reservation_lines l \
         STRAIGHT_JOIN store.options o ON o.id = l.option_id STRAIGHT_JOIN store.items i ON i.id = o.item_id \
         WHERE l.order_id = ? GROUP BY i.number ORDER BY i.number",
    )
    .bind(order.id)
    .fetch_all(&mut *tx)
    .await?;
    for (number, pieces) in bought {
        sqlx::query("UPDATE store.items SET sold = LAST_INSERT_ID(sold + ?) WHERE number = ?")
            .bind(pieces)
            .bind(number)
            .execute(&mut *tx)
            .await?;
    }
    for offer in offers {
        sqlx::query("UPDATE store.options SET reserved = reserved - ?, sold = sold + ? WHERE id = ?")
            .bind(1_i64)
            .bind(1_i64)
            .bind(offer.option_id)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query(
        "UPDATE store.reservations SET status = 'CONFIRMED', expires_at = ?, updated_at = ? WHERE order_id = ?",
    )
    .bind(clock.now())
    .bind(clock.now())
    .bind(order.id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
