//! The table `sign_in_attempts`.

use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;

use super::delete_before::delete_before;

/// What is counted: the SHA-256 of the email of an account, or of an address.
pub type Subject = [u8; 32];

/// The attempts in the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number of attempts, including the current one.
    pub attempts: i32,
    /// When the window ends and counting starts again.
    pub window_ends_at: OffsetDateTime,
}

/// Counts one attempt of a subject. Starts a window if none is open.
pub async fn count(
    connection: &mut Connection,
    subject: Subject,
    now: OffsetDateTime,
    new_window_ends_at: OffsetDateTime,
) -> sqlx::Result<Count> {
    sqlx::query(
        "INSERT INTO sign_in_attempts (subject, attempts, window_ends_at) VALUES (?, 1, ?) ON DUPLICATE KEY UPDATE \
         attempts = IF(window_ends_at <= ?, 1, attempts + 1), \
         window_ends_at = IF(window_ends_at <= ?, ?, window_ends_at)",
    )
    .bind(&subject[..])
    .bind(new_window_ends_at)
    .bind(now)
    .bind(now)
    .bind(new_window_ends_at)
    .execute(&mut *connection)
    .await?;
    let row: CountRow =
        sqlx::query_as("SELECT attempts, window_ends_at FROM sign_in_attempts WHERE subject = ?")
            .bind(&subject[..])
            .fetch_one(connection)
            .await?;
    Ok(Count { attempts: row.attempts, window_ends_at: row.window_ends_at })
}

/// Deletes the attempts of a subject.
pub async fn delete(connection: &mut Connection, subject: Subject) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sign_in_attempts WHERE subject = ?")
        .bind(&subject[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Subtracts one attempt of a subject.
pub async fn decrement(connection: &mut Connection, subject: Subject) -> sqlx::Result<()> {
    sqlx::query("UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE subject = ? AND attempts > 0")
        .bind(&subject[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes up to `limit` subjects whose window ended before a time. Returns the number of deleted rows.
pub async fn delete_expired(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let statement = "DELETE FROM sign_in_attempts WHERE window_ends_at < ? ORDER BY window_ends_at LIMIT ?";
    delete_before(connection, statement, before, limit).await
}

#[derive(FromRow)]
struct CountRow {
    attempts: i32,
    window_ends_at: OffsetDateTime,
}
