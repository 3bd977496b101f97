//! What orders do to the stock columns of `options`. Each statement is conditional on there being enough, so that no
//! two of them can take the same piece, whatever was read before.
//!
//! Callers go through options in the order of their ids. Two transactions that want the same options then queue up at
//! the first one they share, and can't deadlock.

use sqlx::{FromRow, MySqlConnection, QueryBuilder};
use uuid::Uuid;

/// Moves pieces from the shelf to an order that is being placed. False where there are not so many.
pub async fn reserve(db: &mut MySqlConnection, option_id: Uuid, pieces: i64) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE options SET on_hand = on_hand - ?, reserved = reserved + ? WHERE id = ? AND live = 1 AND on_hand >= ?",
    )
    .bind(pieces)
    .bind(pieces)
    .bind(option_id)
    .bind(pieces)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves pieces of an order that was not placed back to the shelf.
pub async fn give_back(db: &mut MySqlConnection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET on_hand = on_hand + ?, reserved = reserved - ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Makes reserved pieces sold.
pub async fn sell(db: &mut MySqlConnection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET reserved = reserved - ?, sold = sold + ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Puts sold pieces back on the shelf.
pub async fn restock(db: &mut MySqlConnection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET on_hand = on_hand + ?, restocked = restocked + ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// What an order bought of an item.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct SoldItem {
    /// The item's number.
    pub number: i64,
    /// How many pieces were sold of it before.
    pub sold: i64,
    /// How many more the order bought.
    pub pieces: i64,
}

/// The items that an order bought of, locked in the order of their numbers.
pub async fn lock_sold_items(db: &mut MySqlConnection, order_id: Uuid) -> sqlx::Result<Vec<SoldItem>> {
    let bought: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT i.number, CAST(SUM(l.quantity) AS SIGNED) FROM reservation_lines l \
         STRAIGHT_JOIN options o ON o.id = l.option_id STRAIGHT_JOIN items i ON i.id = o.item_id \
         WHERE l.order_id = ? GROUP BY i.number ORDER BY i.number",
    )
    .bind(order_id)
    .fetch_all(&mut *db)
    .await?;
    let mut items = Vec::with_capacity(bought.len());
    for (number, pieces) in bought {
        let sold = sqlx::query_scalar("SELECT sold FROM items WHERE number = ? FOR UPDATE")
            .bind(number)
            .fetch_one(&mut *db)
            .await?;
        items.push(SoldItem { number, sold, pieces });
    }
    Ok(items)
}

/// Writes how many pieces were sold of an item, which is locked.
pub async fn set_sold(db: &mut MySqlConnection, number: i64, sold: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE items SET sold = ? WHERE number = ?").bind(sold).bind(number).execute(db).await?;
    Ok(())
}

/// How many pieces of these options can be bought; an option that is not on sale is left out.
pub async fn on_hand(db: &mut MySqlConnection, option_ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, i64)>> {
    if option_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, on_hand FROM options WHERE live = 1 AND id IN (");
    let mut ids = query.separated(", ");
    for id in option_ids {
        ids.push_bind(*id);
    }
    query.push(")");
    query.build_query_as().fetch_all(db).await
}
