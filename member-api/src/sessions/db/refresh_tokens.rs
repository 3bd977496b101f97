//! The table `refresh_tokens`. Rows are never changed; they are deleted with their session.

use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::sessions::TokenHash;

/// Stores a token that is about to be issued.
pub async fn insert(
    connection: &mut Connection,
    hash: TokenHash,
    session_id: Uuid,
    generation: i32,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO refresh_tokens (token_hash, session_id, generation, created_at) VALUES (?, ?, ?, ?)",
    )
    .bind(&hash[..])
    .bind(session_id)
    .bind(generation)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Finds the session of a token, and the generation in which the token was issued.
pub async fn find(connection: &mut Connection, hash: TokenHash) -> sqlx::Result<Option<(Uuid, i32)>> {
    sqlx::query_as("SELECT session_id, generation FROM refresh_tokens WHERE token_hash = ?")
        .bind(&hash[..])
        .fetch_optional(connection)
        .await
}
