//! What orders do to the stock columns of `options`. Taking stock is a conditional update: it changes the row only if
//! there are enough pieces. So two transactions can't take the same piece, whatever they have read before.
//!
//! Callers lock items before options, and each of them in the order of their numbers and ids. Two transactions with the same
//! options then wait at the first that they share, and can't deadlock.

use database::Connection;
use sqlx::mysql::MySqlQueryResult;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::db::{padded, push_list};

/// Reserves pieces that are on hand, and returns how many are left on hand. `None` if fewer than `at_least_left` would be.
///
/// `LAST_INSERT_ID(expression)` returns the new value with the answer to the UPDATE itself.
pub async fn reserve(
    connection: &mut Connection,
    option_id: Uuid,
    pieces: i64,
    at_least_left: i64,
) -> sqlx::Result<Option<u64>> {
    let done = sqlx::query(
        "UPDATE options SET on_hand = LAST_INSERT_ID(on_hand - ?), reserved = reserved + ? \
         WHERE id = ? AND live = 1 AND on_hand >= ?",
    )
    .bind(pieces)
    .bind(pieces)
    .bind(option_id)
    .bind(pieces.saturating_add(at_least_left))
    .execute(connection)
    .await?;
    Ok((done.rows_affected() == 1).then(|| done.last_insert_id()))
}

/// Puts reserved pieces back on hand, and returns how many are on hand now.
pub async fn release(connection: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<i64> {
    put_back(
        connection,
        "UPDATE options SET on_hand = LAST_INSERT_ID(on_hand + ?), reserved = reserved - ? WHERE id = ?",
        option_id,
        pieces,
    )
    .await
}

/// Puts sold pieces back on hand, and returns how many are on hand now.
pub async fn restock(connection: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<i64> {
    put_back(
        connection,
        "UPDATE options SET on_hand = LAST_INSERT_ID(on_hand + ?), restocked = restocked + ? WHERE id = ?",
        option_id,
        pieces,
    )
    .await
}

async fn put_back(
    connection: &mut Connection,
    update: &'static str,
    option_id: Uuid,
    pieces: i64,
) -> sqlx::Result<i64> {
    let done = sqlx::query(update).bind(pieces).bind(pieces).bind(option_id).execute(connection).await?;
    new_value(&done)
}

/// The value of `LAST_INSERT_ID(expression)`.
fn new_value(done: &MySqlQueryResult) -> sqlx::Result<i64> {
    i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Makes reserved pieces sold.
pub async fn sell(connection: &mut Connection, option_id: Uuid, pieces: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET reserved = reserved - ?, sold = sold + ? WHERE id = ?")
        .bind(pieces)
        .bind(pieces)
        .bind(option_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The number of each item of an order, and how many of its pieces the order bought. The items are in the order in which
/// they must be locked.
pub async fn bought_items(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<Vec<(i64, i64)>> {
    sqlx::query_as(
        "SELECT i.number, CAST(SUM(l.quantity) AS SIGNED) FROM reservation_lines l \
         STRAIGHT_JOIN options o ON o.id = l.option_id STRAIGHT_JOIN items i ON i.id = o.item_id \
         WHERE l.order_id = ? GROUP BY i.number ORDER BY i.number",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

/// Adds pieces to the sold count of an item, or takes them off if negative, and returns the new count.
pub async fn count_sold(connection: &mut Connection, number: i64, pieces: i64) -> sqlx::Result<i64> {
    let done = sqlx::query("UPDATE items SET sold = LAST_INSERT_ID(sold + ?) WHERE number = ?")
        .bind(pieces)
        .bind(number)
        .execute(connection)
        .await?;
    new_value(&done)
}

/// An option with its item. An option never changes its item.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct OptionOfItem {
    /// The option.
    pub option_id: Uuid,
    /// The number of the item.
    pub item_number: i64,
    /// The id of the item.
    pub item_id: Uuid,
}

/// The options of an order with their items.
pub async fn options_of_order(
    connection: &mut Connection,
    order_id: Uuid,
) -> sqlx::Result<Vec<OptionOfItem>> {
    sqlx::query_as(
        "SELECT o.id AS option_id, i.number AS item_number, i.id AS item_id FROM reservation_lines l \
         STRAIGHT_JOIN options o ON o.id = l.option_id STRAIGHT_JOIN items i ON i.id = o.item_id WHERE l.order_id = ?",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

/// An option with its item.
pub async fn item_of_option(connection: &mut Connection, option_id: Uuid) -> sqlx::Result<OptionOfItem> {
    sqlx::query_as(
        "SELECT o.id AS option_id, i.number AS item_number, i.id AS item_id FROM options o \
         STRAIGHT_JOIN items i ON i.id = o.item_id WHERE o.id = ?",
    )
    .bind(option_id)
    .fetch_one(connection)
    .await
}

/// Locks items until the transaction ends, in the order of their numbers.
pub async fn lock_items(connection: &mut Connection, numbers: &[i64]) -> sqlx::Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("SELECT number FROM items FORCE INDEX (PRIMARY) WHERE number IN ");
    push_list(&mut query, padded(numbers).copied());
    query.push(" ORDER BY number FOR UPDATE");
    query.build().fetch_all(connection).await?;
    Ok(())
}

/// How many pieces of these options are on hand. Options that are not on sale are left out.
pub async fn on_hand(connection: &mut Connection, option_ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, i64)>> {
    if option_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, on_hand FROM options WHERE live = 1 AND id IN ");
    push_list(&mut query, option_ids.iter().copied());
    query.build_query_as().fetch_all(connection).await
}
