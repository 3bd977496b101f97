//! The table `hearts`. The caller holds the item's row.

use database::Connection;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::items;
use crate::items::Item;

/// Writes that a member gave an item a heart. False where they have already.
pub async fn insert(
    db: &mut Connection,
    item_id: Uuid,
    member_id: Uuid,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let is_there: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM hearts WHERE item_id = ? AND member_id = ?")
            .bind(item_id)
            .bind(member_id)
            .fetch_optional(&mut *db)
            .await?;
    if is_there.is_some() {
        return Ok(false);
    }
    sqlx::query("INSERT INTO hearts (item_id, member_id, created_at) VALUES (?, ?, ?)")
        .bind(item_id)
        .bind(member_id)
        .bind(now)
        .execute(db)
        .await?;
    Ok(true)
}

/// Removes a member's heart from an item. False where there was none.
pub async fn delete(db: &mut Connection, item_id: Uuid, member_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM hearts WHERE item_id = ? AND member_id = ?")
        .bind(item_id)
        .bind(member_id)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes every heart of an item.
pub async fn delete_of_item(db: &mut Connection, item_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM hearts WHERE item_id = ?").bind(item_id).execute(db).await?;
    Ok(())
}

/// Removes every heart of every item of a store.
pub async fn delete_of_store(db: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE h FROM hearts h JOIN items i ON i.id = h.item_id WHERE i.store_id = ?")
        .bind(store_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Since when an item has had a member's heart: where the next page begins.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// When the last item shown was given its heart.
    pub hearted_at: OffsetDateTime,
    /// The last item shown.
    pub item_id: Uuid,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    item: items::Row,
    hearted_at: OffsetDateTime,
}

/// The items that a member gave a heart, those given last first.
pub async fn of_member(
    db: &mut Connection,
    member_id: Uuid,
    after: Option<After>,
    rows: u32,
) -> sqlx::Result<Vec<(Item, OffsetDateTime)>> {
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        items::columns!(),
        ", h.created_at AS hearted_at FROM hearts h FORCE INDEX (hearts_by_member) STRAIGHT_JOIN items i FORCE INDEX (items_id_key) ON i.id = h.item_id \
         STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id WHERE h.member_id = "
    ));
    query.push_bind(member_id);
    if let Some(After { hearted_at, item_id }) = after {
        query.push(" AND (h.created_at < ").push_bind(hearted_at);
        query.push(" OR (h.created_at = ").push_bind(hearted_at);
        query.push(" AND h.item_id < ").push_bind(item_id).push("))");
    }
    query.push(" ORDER BY h.created_at DESC, h.item_id DESC LIMIT ").push_bind(rows);
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    rows.into_iter().map(|row| Ok((row.item.try_into()?, row.hearted_at))).collect()
}
