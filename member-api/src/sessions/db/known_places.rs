//! The table `known_sign_in_places`.

use access::MemberId;
use database::Connection;
use time::OffsetDateTime;

use super::delete_before::delete_before;
use crate::sessions::subjects::Subject;

/// Whether the member has signed in at a place since a time.
pub async fn is_known(
    connection: &mut Connection,
    member_id: MemberId,
    place: Subject,
    since: OffsetDateTime,
) -> sqlx::Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM known_sign_in_places WHERE member_id = ? AND place = ? AND last_signed_in_at >= ?",
    )
    .bind(member_id.0)
    .bind(&place[..])
    .bind(since)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Records that the member has signed in at a place.
pub async fn record(
    connection: &mut Connection,
    member_id: MemberId,
    place: Subject,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO known_sign_in_places (member_id, place, last_signed_in_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE last_signed_in_at = GREATEST(last_signed_in_at, VALUES(last_signed_in_at))",
    )
    .bind(member_id.0)
    .bind(&place[..])
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the places of a member.
pub async fn delete_all(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM known_sign_in_places WHERE member_id = ?")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes up to `limit` places where nobody has signed in since a time. Returns the number of deleted rows.
pub async fn delete_unused(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let statement =
        "DELETE FROM known_sign_in_places WHERE last_signed_in_at < ? ORDER BY last_signed_in_at LIMIT ?";
    delete_before(connection, statement, before, limit).await
}
