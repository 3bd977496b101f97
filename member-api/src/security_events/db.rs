//! The table `security_events`.

use access::MemberId;
use database::Connection;
use paging::TimePosition;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::new_event::NewEvent;

/// An event, as its member sees it.
#[derive(Clone, Debug, FromRow)]
pub struct ShownEvent {
    /// The id.
    pub id: Uuid,
    /// The name of a [`Kind`](super::Kind); another one if a newer build has recorded it.
    pub kind: String,
    /// The name of an [`Outcome`](super::Outcome).
    pub outcome: String,
    /// From where it was done.
    pub address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: OffsetDateTime,
}

/// Adds an event.
pub async fn insert(connection: &mut Connection, event: &NewEvent) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO security_events (id, member_id, session_id, kind, outcome, address, user_agent, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(event.id)
    .bind(event.member_id.0)
    .bind(event.session_id)
    .bind(event.kind.as_str())
    .bind(event.outcome.as_str())
    .bind(event.client.address_text())
    .bind(event.client.user_agent_text())
    .bind(event.at)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many events like this one the member has since a time. It counts up to `most`.
pub async fn count_like(
    connection: &mut Connection,
    event: &NewEvent,
    since: OffsetDateTime,
    most: u32,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM security_events \
         WHERE member_id = ? AND created_at > ? AND kind = ? AND outcome = ? LIMIT ?) AS recent",
    )
    .bind(event.member_id.0)
    .bind(since)
    .bind(event.kind.as_str())
    .bind(event.outcome.as_str())
    .bind(most)
    .fetch_one(connection)
    .await
}

/// Lists up to `rows` events of a member, newest first.
pub async fn list(
    connection: &mut Connection,
    member_id: MemberId,
    after: Option<TimePosition>,
    rows: u32,
) -> sqlx::Result<Vec<ShownEvent>> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT id, kind, outcome, address, user_agent, created_at FROM security_events WHERE member_id = ",
    );
    query.push_bind(member_id.0);
    if let Some(TimePosition { at, id }) = after {
        query.push(" AND created_at <= ").push_bind(at);
        query.push(" AND (created_at < ").push_bind(at).push(" OR id < ").push_bind(id).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(rows);
    query.build_query_as().fetch_all(connection).await
}

/// Forgets from where, and with which programs, up to `limit` events of a member were done. Returns how many had to be forgotten.
pub async fn forget_clients(
    connection: &mut Connection,
    member_id: MemberId,
    limit: u32,
) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "UPDATE security_events SET address = NULL, user_agent = NULL \
         WHERE member_id = ? AND (address IS NOT NULL OR user_agent IS NOT NULL) LIMIT ?",
    )
    .bind(member_id.0)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes up to `limit` events from before a time. Returns the number of deleted rows.
pub async fn delete_before(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM security_events WHERE created_at < ? ORDER BY created_at LIMIT ?")
        .bind(before)
        .bind(limit)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
