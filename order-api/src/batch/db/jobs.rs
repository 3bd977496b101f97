//! The table `jobs`: the leases of jobs.

use database::Connection;
use time::OffsetDateTime;

use crate::batch::job::FencingToken;

/// Acquires the lease of a job if it has expired, or if no process ever had it. Otherwise returns its holder.
pub async fn acquire_lease(
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

/// Sets the end of a lease. Returns false if another process has acquired it. The row stays locked until the end of the
/// transaction, so that no process can acquire the lease before.
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
