//! The table `follows`. The caller of a write has locked the store.

use database::Connection;
use paging::TimePosition;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::stores;
use crate::db::{IndexOrder, MemberRows};
use crate::stores::Store;

/// The rows of members and stores.
pub(crate) const ROWS: MemberRows = MemberRows {
    find: "SELECT 1 FROM follows WHERE store_id = ? AND member_id = ?",
    insert: "INSERT INTO follows (store_id, member_id, created_at) VALUES (?, ?, ?)",
    delete: "DELETE FROM follows WHERE store_id = ? AND member_id = ?",
};

/// Deletes every follow of a store.
pub async fn delete_of_store(connection: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM follows WHERE store_id = ?").bind(store_id).execute(connection).await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    store: stores::Row,
    followed_at: OffsetDateTime,
}

/// The stores that a member follows, each with the time of the follow, the latest first. A position has the time of a follow
/// and the id of its store.
pub async fn of_member(
    connection: &mut Connection,
    member_id: Uuid,
    after: Option<TimePosition>,
    rows: u32,
) -> sqlx::Result<Vec<(Store, OffsetDateTime)>> {
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        stores::columns!(),
        ", f.created_at AS followed_at FROM follows f FORCE INDEX (follows_by_member) STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = f.store_id WHERE f.member_id = "
    ));
    query.push_bind(member_id);
    let order = IndexOrder { column: Some("f.created_at"), unique: "f.store_id", is_descending: true };
    order.push(&mut query, after.map(|after| (after.at, after.id)), rows);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.store.into(), row.followed_at)).collect())
}
