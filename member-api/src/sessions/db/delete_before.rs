use database::Connection;
use time::OffsetDateTime;

/// Runs a statement whose parameters are a time and a limit, and which deletes the rows before the time. Returns the number of
/// deleted rows.
pub(super) async fn delete_before(
    connection: &mut Connection,
    statement: &'static str,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let done = sqlx::query(statement).bind(before).bind(limit).execute(connection).await?;
    Ok(done.rows_affected())
}
