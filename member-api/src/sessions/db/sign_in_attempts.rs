//! The table `sign_in_attempts`. Only the build before this one counts in it. It is dropped when no such build runs any more.

use database::Connection;
use time::OffsetDateTime;

use super::delete_before::delete_before;

/// Deletes up to `limit` subjects whose window ended before a time. Returns the number of deleted rows.
pub async fn delete_expired(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let statement = "DELETE FROM sign_in_attempts WHERE window_ends_at < ? ORDER BY window_ends_at LIMIT ?";
    delete_before(connection, statement, before, limit).await
}
