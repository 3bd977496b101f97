//! The table `one_time_passwords`.

use access::MemberId;
use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// The second factor of a member.
#[derive(Clone, Debug, FromRow)]
pub struct OtpRow {
    /// The request that made the secret.
    pub request_id: Uuid,
    /// The sealed secret.
    pub sealed_secret: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it is in force.
    pub confirmed_at: Option<OffsetDateTime>,
    /// The step of the last code that was accepted.
    pub last_step: Option<i64>,
}

/// Finds the second factor of a member, in force or not yet, and locks it until the transaction ends. The caller has locked the
/// account.
pub async fn lock(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<Option<OtpRow>> {
    sqlx::query_as(
        "SELECT request_id, sealed_secret, created_at, confirmed_at, last_step FROM one_time_passwords \
         WHERE member_id = ? FOR UPDATE",
    )
    .bind(member_id.0)
    .fetch_optional(connection)
    .await
}

/// Whether a member has a second factor in force.
pub async fn is_in_force(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM one_time_passwords WHERE member_id = ? AND confirmed_at IS NOT NULL",
    )
    .bind(member_id.0)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Stores a new secret, which is not in force yet, in place of one that is not in force either.
pub async fn replace(
    connection: &mut Connection,
    member_id: MemberId,
    request_id: Uuid,
    sealed_secret: &str,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO one_time_passwords (member_id, request_id, sealed_secret, created_at) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE request_id = VALUES(request_id), sealed_secret = VALUES(sealed_secret), \
         created_at = VALUES(created_at), confirmed_at = NULL, last_step = NULL",
    )
    .bind(member_id.0)
    .bind(request_id)
    .bind(sealed_secret)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a secret into force. The code of this step has been used for it.
pub async fn confirm(
    connection: &mut Connection,
    member_id: MemberId,
    step: Option<i64>,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE one_time_passwords SET confirmed_at = ?, last_step = ? WHERE member_id = ?")
        .bind(now)
        .bind(step)
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses up the code of a step. Returns false if it, or a later one, was used before.
pub async fn use_step(connection: &mut Connection, member_id: MemberId, step: i64) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE one_time_passwords SET last_step = ? WHERE member_id = ? AND (last_step IS NULL OR last_step < ?)",
    )
    .bind(step)
    .bind(member_id.0)
    .bind(step)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the second factor of a member. Returns false if there was none.
pub async fn delete(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM one_time_passwords WHERE member_id = ?")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
