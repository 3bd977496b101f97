//! The table `sessions`.

use access::MemberId;
use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::delete_before::delete_before;
use crate::client::Client;
use crate::sessions::SessionState;

/// The data of a session that a refresh needs.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The id, which is part of its access tokens.
    pub id: Uuid,
    /// The member.
    pub member_id: MemberId,
    /// When the member signed in.
    pub created_at: OffsetDateTime,
    /// The state that decides whether it can be refreshed.
    pub state: SessionState,
}

/// Stores a new session in its first generation.
pub async fn insert(
    connection: &mut Connection,
    id: Uuid,
    member_id: MemberId,
    client: &Client,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO sessions (id, member_id, generation, created_at, rotated_at, expires_at, address, user_agent) \
         VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(member_id.0)
    .bind(now)
    .bind(now)
    .bind(expires_at)
    .bind(client.address_text())
    .bind(client.user_agent_text())
    .execute(connection)
    .await?;
    Ok(())
}

/// Finds a session and locks it until the transaction ends.
pub async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Session>> {
    let row: Option<SessionRow> = sqlx::query_as(
        "SELECT id, member_id, generation, created_at, rotated_at, expires_at, revoked_at FROM sessions WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Session::from))
}

/// Starts the next generation, at the wish of this client.
pub async fn rotate(
    connection: &mut Connection,
    id: Uuid,
    client: &Client,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE sessions SET generation = generation + 1, rotated_at = ?, expires_at = ?, address = ?, user_agent = ? \
         WHERE id = ?",
    )
    .bind(now)
    .bind(expires_at)
    .bind(client.address_text())
    .bind(client.user_agent_text())
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Revokes a session, unless it is revoked already.
pub async fn revoke(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(now)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Revokes every session of a member, except `keep`.
pub async fn revoke_all(
    connection: &mut Connection,
    member_id: MemberId,
    keep: Option<Uuid>,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE sessions SET revoked_at = ? WHERE member_id = ? AND revoked_at IS NULL AND id <> ?")
        .bind(now)
        .bind(member_id.0)
        .bind(keep.unwrap_or(Uuid::nil()))
        .execute(connection)
        .await?;
    Ok(())
}

/// A session, as its member sees it.
#[derive(Clone, Debug, FromRow)]
pub struct ShownSession {
    /// The id, which is part of its access tokens.
    pub id: Uuid,
    /// When the member signed in.
    pub created_at: OffsetDateTime,
    /// When its last generation began.
    pub rotated_at: OffsetDateTime,
    /// When it ends if it is not refreshed.
    pub expires_at: OffsetDateTime,
    /// From where it was last refreshed.
    pub address: Option<String>,
    /// The program that last refreshed it.
    pub user_agent: Option<String>,
}

/// Lists up to `rows` of a member's sessions that have not ended, newest first: those that are younger than `oldest`.
pub async fn list_open(
    connection: &mut Connection,
    member_id: MemberId,
    (oldest, now): (OffsetDateTime, OffsetDateTime),
    before: Option<Uuid>,
    rows: u32,
) -> sqlx::Result<Vec<ShownSession>> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT id, created_at, rotated_at, expires_at, address, user_agent FROM sessions WHERE member_id = ",
    );
    query.push_bind(member_id.0).push(" AND revoked_at IS NULL AND expires_at > ").push_bind(now);
    query.push(" AND created_at > ").push_bind(oldest);
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(rows);
    query.build_query_as().fetch_all(connection).await
}

/// Forgets from where and with which programs a member's sessions were used.
pub async fn forget_clients(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("UPDATE sessions SET address = NULL, user_agent = NULL WHERE member_id = ?")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes every session of a member, with its refresh tokens.
pub async fn delete_of_member(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sessions WHERE member_id = ?").bind(member_id.0).execute(connection).await?;
    Ok(())
}

/// Lists the sessions that were revoked at `since` or later.
pub async fn list_revoked(connection: &mut Connection, since: OffsetDateTime) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("SELECT id FROM sessions WHERE revoked_at >= ?")
        .bind(since)
        .fetch_all(connection)
        .await
}

/// Deletes up to `limit` sessions that expired before a time, with their refresh tokens. Returns the number of deleted
/// sessions.
pub async fn delete_expired(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let statement = "DELETE FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?";
    delete_before(connection, statement, before, limit).await
}

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    member_id: Uuid,
    generation: i32,
    created_at: OffsetDateTime,
    rotated_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        let state = SessionState {
            generation: row.generation,
            rotated_at: row.rotated_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        };
        Self { id: row.id, member_id: MemberId(row.member_id), created_at: row.created_at, state }
    }
}
