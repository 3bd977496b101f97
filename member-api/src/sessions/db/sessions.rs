//! The table `sessions`.

use access::MemberId;
use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::sessions::SessionState;

/// A session, as a refresh needs it.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Its id, which its access tokens carry.
    pub id: Uuid,
    /// Whose.
    pub member_id: MemberId,
    /// Where it stands.
    pub state: SessionState,
}

/// Stores a session that begins, in its first generation.
pub async fn insert(
    connection: &mut Connection,
    id: Uuid,
    member_id: MemberId,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO sessions (id, member_id, generation, created_at, rotated_at, expires_at) VALUES (?, ?, 0, ?, ?, ?)",
    )
    .bind(id)
    .bind(member_id.0)
    .bind(now)
    .bind(now)
    .bind(expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// A session, locked until the transaction ends.
pub async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Session>> {
    let row: Option<SessionRow> = sqlx::query_as(
        "SELECT id, member_id, generation, rotated_at, expires_at, revoked_at FROM sessions WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Session::from))
}

/// Begins the next generation.
pub async fn rotate(
    connection: &mut Connection,
    id: Uuid,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE sessions SET generation = generation + 1, rotated_at = ?, expires_at = ? WHERE id = ?",
    )
    .bind(now)
    .bind(expires_at)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a session, if it has not ended yet.
pub async fn revoke(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(now)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends every session of a member, but for the one to keep.
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

/// The sessions that were ended before their time at `since` or later.
pub async fn list_revoked(connection: &mut Connection, since: OffsetDateTime) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("SELECT id FROM sessions WHERE revoked_at >= ?")
        .bind(since)
        .fetch_all(connection)
        .await
}

/// Removes so many sessions that ended before a time, with their refresh tokens. Gives how many it removed.
pub async fn sweep(connection: &mut Connection, before: OffsetDateTime, most: u32) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?")
        .bind(before)
        .bind(most)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    member_id: Uuid,
    generation: i32,
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
        Self { id: row.id, member_id: MemberId(row.member_id), state }
    }
}
