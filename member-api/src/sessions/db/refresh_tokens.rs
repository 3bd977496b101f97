//! The table `refresh_tokens`. Rows are never changed; they go with their session.

use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::sessions::TokenHash;

/// Stores a token that is about to be handed out.
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

/// The session that a token belongs to, and the generation in which it was handed out.
pub async fn find(connection: &mut Connection, hash: TokenHash) -> sqlx::Result<Option<(Uuid, i32)>> {
    sqlx::query_as("SELECT session_id, generation FROM refresh_tokens WHERE token_hash = ?")
        .bind(&hash[..])
        .fetch_optional(connection)
        .await
}
