//! The lock under which a schema is migrated.

use std::time::Duration;

use sqlx::MySqlConnection;

/// Waits until no other process migrates this schema, for a time at most, and gives whether that is so. The lock belongs to the
/// connection and ends with it. Its name has a length that every server allows.
pub(crate) async fn lock_migrations(connection: &mut MySqlConnection, limit: Duration) -> sqlx::Result<bool> {
    let locked: i64 = sqlx::query_scalar("SELECT GET_LOCK(MD5(CONCAT('migrations of ', DATABASE())), ?)")
        .bind(limit.as_secs())
        .fetch_one(connection)
        .await?;
    Ok(locked == 1)
}
