//! The table `follows`. The caller holds the store's row.

use database::Connection;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::stores;
use crate::stores::Store;

/// Writes that a member follows a store. False where they do already.
pub async fn insert(
    db: &mut Connection,
    store_id: Uuid,
    member_id: Uuid,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let is_there: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM follows WHERE store_id = ? AND member_id = ?")
            .bind(store_id)
            .bind(member_id)
            .fetch_optional(&mut *db)
            .await?;
    if is_there.is_some() {
        return Ok(false);
    }
    sqlx::query("INSERT INTO follows (store_id, member_id, created_at) VALUES (?, ?, ?)")
        .bind(store_id)
        .bind(member_id)
        .bind(now)
        .execute(db)
        .await?;
    Ok(true)
}

/// Removes that a member follows a store. False where they did not.
pub async fn delete(db: &mut Connection, store_id: Uuid, member_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM follows WHERE store_id = ? AND member_id = ?")
        .bind(store_id)
        .bind(member_id)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes every follow of a store.
pub async fn delete_of_store(db: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM follows WHERE store_id = ?").bind(store_id).execute(db).await?;
    Ok(())
}

/// Since when a store has been followed: where the next page begins.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// When the last store shown was followed.
    pub followed_at: OffsetDateTime,
    /// The last store shown.
    pub store_id: Uuid,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    store: stores::Row,
    followed_at: OffsetDateTime,
}

/// The stores that a member follows, those followed last first.
pub async fn of_member(
    db: &mut Connection,
    member_id: Uuid,
    after: Option<After>,
    rows: u32,
) -> sqlx::Result<Vec<(Store, OffsetDateTime)>> {
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        stores::columns!(),
        ", f.created_at AS followed_at FROM follows f FORCE INDEX (follows_by_member) STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = f.store_id WHERE f.member_id = "
    ));
    query.push_bind(member_id);
    if let Some(After { followed_at, store_id }) = after {
        query.push(" AND (f.created_at < ").push_bind(followed_at);
        query.push(" OR (f.created_at = ").push_bind(followed_at);
        query.push(" AND f.store_id < ").push_bind(store_id).push("))");
    }
    query.push(" ORDER BY f.created_at DESC, f.store_id DESC LIMIT ").push_bind(rows);
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.store.into(), row.followed_at)).collect())
}
