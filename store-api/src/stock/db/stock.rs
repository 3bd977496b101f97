//! What orders do to the stock columns of `options`. Each statement is conditional on there being enough, so that no
//! two of them can take the same piece, whatever was read before.
//!
//! Callers go through options in the order of their ids. Two transactions that want the same options then queue up at
//! the first one they share, and can't deadlock.

use database::Connection;
use sqlx::QueryBuilder;
use uuid::Uuid;

/// Moves pieces from the shelf to an order that is being placed, and gives how many are left there; `None` where there
/// are not so many.
///
/// `LAST_INSERT_ID(expression)` hands the new value back with the statement's own answer.
pub async fn reserve(db: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<Option<u64>> {
    let done = sqlx::query(
        "UPDATE options SET on_hand = LAST_INSERT_ID(on_hand - ?), reserved = reserved + ? \
         WHERE id = ? AND live = 1 AND on_hand >= ?",
    )
    .bind(pieces)
    .bind(pieces)
    .bind(option_id)
    .bind(pieces)
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then(|| done.last_insert_id()))
}

/// Moves pieces of an order that was not placed back to the shelf.
pub async fn give_back(db: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET on_hand = on_hand + ?, reserved = reserved - ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Makes reserved pieces sold.
pub async fn sell(db: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET reserved = reserved - ?, sold = sold + ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Puts sold pieces back on the shelf.
pub async fn restock(db: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET on_hand = on_hand + ?, restocked = restocked + ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(db)
        .await?;
    Ok(())
}

/// The items that an order bought of: the number of each, and how many pieces. In the order of their numbers, in which
/// they are to be changed.
pub async fn bought_items(db: &mut Connection, order_id: Uuid) -> sqlx::Result<Vec<(i64, i64)>> {
    sqlx::query_as(
        "SELECT i.number, CAST(SUM(l.quantity) AS SIGNED) FROM reservation_lines l \
         STRAIGHT_JOIN options o ON o.id = l.option_id STRAIGHT_JOIN items i ON i.id = o.item_id \
         WHERE l.order_id = ? GROUP BY i.number ORDER BY i.number",
    )
    .bind(order_id)
    .fetch_all(db)
    .await
}

/// Counts pieces of an item as sold, and gives how many were ever sold of it.
pub async fn count_sold(db: &mut Connection, number: i64, pieces: i64) -> sqlx::Result<i64> {
    let done = sqlx::query("UPDATE items SET sold = LAST_INSERT_ID(sold + ?) WHERE number = ?")
        .bind(pieces)
        .bind(number)
        .execute(db)
        .await?;
    i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// How many pieces of these options can be bought; an option that is not on sale is left out.
pub async fn on_hand(db: &mut Connection, option_ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, i64)>> {
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
