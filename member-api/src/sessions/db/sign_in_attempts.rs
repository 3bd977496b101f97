//! The table `sign_in_attempts`.

use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;

/// Who is counted: the SHA-256 of an account's email or of an address.
pub type Subject = [u8; 32];

/// How many attempts were counted in the present window, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// With the present one.
    pub attempts: i32,
    /// When counting starts anew.
    pub window_ends_at: OffsetDateTime,
}

/// Counts one attempt of a subject, and opens a window where none is open.
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

/// Forgets the attempts of a subject.
pub async fn forget(connection: &mut Connection, subject: Subject) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sign_in_attempts WHERE subject = ?")
        .bind(&subject[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes back one attempt of a subject.
pub async fn take_back(connection: &mut Connection, subject: Subject) -> sqlx::Result<()> {
    sqlx::query("UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE subject = ? AND attempts > 0")
        .bind(&subject[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes so many subjects whose window ended before a time. Gives how many it removed.
pub async fn sweep(connection: &mut Connection, before: OffsetDateTime, most: u32) -> sqlx::Result<u64> {
    let done =
        sqlx::query("DELETE FROM sign_in_attempts WHERE window_ends_at < ? ORDER BY window_ends_at LIMIT ?")
            .bind(before)
            .bind(most)
            .execute(connection)
            .await?;
    Ok(done.rows_affected())
}

#[derive(FromRow)]
struct CountRow {
    attempts: i32,
    window_ends_at: OffsetDateTime,
}
