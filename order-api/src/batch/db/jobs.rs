//! The table `jobs`: the leases.

use database::Connection;
use time::OffsetDateTime;

use crate::batch::FencingToken;

/// Takes the lease of a job where it has run out, or nobody ever had it; else gives who has it.
pub async fn take_lease(
    connection: &mut Connection,
    job: &str,
    holder: &str,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> sqlx::Result<Result<FencingToken, String>> {
    sqlx::query(
        "INSERT INTO jobs (name, fencing_token, holder, lease_until) VALUES (?, 0, '', ?) \
         ON DUPLICATE KEY UPDATE name = VALUES(name)",
    )
    .bind(job)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    let (token, held_by, held_until): (i64, String, OffsetDateTime) =
        sqlx::query_as("SELECT fencing_token, holder, lease_until FROM jobs WHERE name = ? FOR UPDATE")
            .bind(job)
            .fetch_one(&mut *connection)
            .await?;
    if held_until > now {
        return Ok(Err(held_by));
    }
    sqlx::query("UPDATE jobs SET fencing_token = ?, holder = ?, lease_until = ? WHERE name = ?")
        .bind(token + 1)
        .bind(holder)
        .bind(lease_until)
        .bind(job)
        .execute(connection)
        .await?;
    Ok(Ok(FencingToken(token + 1)))
}

/// Sets the end of a lease; false where somebody else has it by now. The row stays locked until the transaction's end, so
/// that nobody takes the lease meanwhile.
pub async fn renew_lease(
    connection: &mut Connection,
    job: &str,
    token: FencingToken,
    lease_until: OffsetDateTime,
) -> sqlx::Result<bool> {
    let renewed = sqlx::query("UPDATE jobs SET lease_until = ? WHERE name = ? AND fencing_token = ?")
        .bind(lease_until)
        .bind(job)
        .bind(token.0)
        .execute(connection)
        .await?;
    Ok(renewed.rows_affected() == 1)
}
