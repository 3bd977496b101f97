//! The table `hearts`. The caller of a write has locked the item.

use database::Connection;
use paging::TimePosition;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::items;
use crate::db::{IndexOrder, MemberRows};
use crate::items::Item;

/// The rows of members and items.
pub(crate) const ROWS: MemberRows = MemberRows {
    find: "SELECT 1 FROM hearts WHERE item_id = ? AND member_id = ?",
    insert: "INSERT INTO hearts (item_id, member_id, created_at) VALUES (?, ?, ?)",
    delete: "DELETE FROM hearts WHERE item_id = ? AND member_id = ?",
};

/// Deletes every heart of an item.
pub async fn delete_of_item(connection: &mut Connection, item_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM hearts WHERE item_id = ?").bind(item_id).execute(connection).await?;
    Ok(())
}

/// Deletes every heart of every item of a store.
pub async fn delete_of_store(connection: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE h FROM hearts h JOIN items i ON i.id = h.item_id WHERE i.store_id = ?")
        .bind(store_id)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    item: items::Row,
    hearted_at: OffsetDateTime,
}

/// The items that have the heart of a member, each with the time of the heart, the latest first. A position has the time of
/// a heart and the id of its item.
pub async fn of_member(
    connection: &mut Connection,
    member_id: Uuid,
    after: Option<TimePosition>,
    rows: u32,
) -> sqlx::Result<Vec<(Item, OffsetDateTime)>> {
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        items::columns!(),
        ", h.created_at AS hearted_at FROM hearts h FORCE INDEX (hearts_by_member) STRAIGHT_JOIN items i FORCE INDEX (items_id_key) ON i.id = h.item_id \
         STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id WHERE h.member_id = "
    ));
    query.push_bind(member_id);
    let order = IndexOrder { column: Some("h.created_at"), unique: "h.item_id", is_descending: true };
    order.push(&mut query, after.map(|after| (after.at, after.id)), rows);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(|row| Ok((row.item.try_into()?, row.hearted_at))).collect()
}
