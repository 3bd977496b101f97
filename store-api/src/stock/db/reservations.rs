//! The tables `reservations` and `reservation_lines`.

use database::Connection;
use sqlx::{FromRow, QueryBuilder};
use store_client::ReservationStatus;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::parse;
use crate::stock::reservation::{Lines, StoredReservation};

/// Writes a new reservation without its lines. If the order has one, this fails on the primary key. If another
/// transaction is writing it, this waits first.
pub async fn insert(
    connection: &mut Connection,
    order_id: Uuid,
    status: ReservationStatus,
    expires_at: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO reservations (order_id, status, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(order_id)
    .bind(status.as_str())
    .bind(expires_at)
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the lines of a new reservation.
pub async fn insert_lines(connection: &mut Connection, order_id: Uuid, lines: &Lines) -> sqlx::Result<()> {
    let mut insert =
        QueryBuilder::new("INSERT INTO reservation_lines (order_id, option_id, quantity, restocked) ");
    insert.push_values(lines.iter(), |mut row, (option_id, pieces)| {
        row.push_bind(order_id).push_bind(option_id).push_bind(pieces).push("0");
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// Locks the reservation of an order until the transaction ends.
pub async fn lock(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<Option<StoredReservation>> {
    #[derive(FromRow)]
    struct Row {
        status: String,
        expires_at: OffsetDateTime,
    }
    let row: Option<Row> =
        sqlx::query_as("SELECT status, expires_at FROM reservations WHERE order_id = ? FOR UPDATE")
            .bind(order_id)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(Row { status, expires_at }) = row else { return Ok(None) };
    let status = parse("status", &status)?;
    Ok(Some(StoredReservation { status, expires_at, lines: lines(connection, order_id).await? }))
}

async fn lines(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<Lines> {
    let lines: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT option_id, quantity FROM reservation_lines WHERE order_id = ?")
            .bind(order_id)
            .fetch_all(connection)
            .await?;
    Ok(lines.into_iter().collect())
}

/// Writes the status and expiry of a reservation.
pub async fn update(
    connection: &mut Connection,
    order_id: Uuid,
    status: ReservationStatus,
    expires_at: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE reservations SET status = ?, expires_at = ?, updated_at = ? WHERE order_id = ?")
        .bind(status.as_str())
        .bind(expires_at)
        .bind(now)
        .bind(order_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks a reservation that still holds stock after its time, and returns its order. Reservations that another
/// transaction has locked are skipped, so the workers of several instances share the work.
pub async fn lock_next_due(connection: &mut Connection, now: OffsetDateTime) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar(
        "SELECT order_id FROM reservations WHERE status = 'HELD' AND expires_at <= ? \
         ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .fetch_optional(connection)
    .await
}

/// The counts of a sold line that a restock needs.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct SoldLine {
    /// How many pieces the order bought.
    pub quantity: i64,
    /// How many of them came back.
    pub restocked: i64,
}

/// Locks a confirmed order until the transaction ends, and returns its line of this option.
pub async fn lock_sold_line(
    connection: &mut Connection,
    order_id: Uuid,
    option_id: Uuid,
) -> sqlx::Result<Option<SoldLine>> {
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM reservations WHERE order_id = ? FOR UPDATE")
            .bind(order_id)
            .fetch_optional(&mut *connection)
            .await?;
    if status.as_deref() != Some(ReservationStatus::Confirmed.as_str()) {
        return Ok(None);
    }
    sqlx::query_as("SELECT quantity, restocked FROM reservation_lines WHERE order_id = ? AND option_id = ?")
        .bind(order_id)
        .bind(option_id)
        .fetch_optional(connection)
        .await
}

/// Adds pieces to those of a line that came back.
pub async fn add_restocked(
    connection: &mut Connection,
    order_id: Uuid,
    option_id: Uuid,
    pieces: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE reservation_lines SET restocked = restocked + ? WHERE order_id = ? AND option_id = ?",
    )
    .bind(pieces)
    .bind(order_id)
    .bind(option_id)
    .execute(connection)
    .await?;
    Ok(())
}
