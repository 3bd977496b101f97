//! The table `restocks`.

use database::Connection;
use sqlx::FromRow;
use store_client::RestockRequest;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(FromRow)]
struct Row {
    order_id: Uuid,
    option_id: Uuid,
    quantity: i64,
}

/// The restock of this id.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<RestockRequest>> {
    let row: Option<Row> = sqlx::query_as("SELECT order_id, option_id, quantity FROM restocks WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|Row { order_id, option_id, quantity }| RestockRequest { order_id, option_id, quantity }))
}

/// Writes a restock.
pub async fn insert(
    connection: &mut Connection,
    id: Uuid,
    restock: &RestockRequest,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO restocks (id, order_id, option_id, quantity, created_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(restock.order_id)
    .bind(restock.option_id)
    .bind(restock.quantity)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
