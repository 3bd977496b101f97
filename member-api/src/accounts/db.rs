//! The table `account_closings`.
//!
//! Each claim counts `attempt` up, and every later write names its attempt. So a process that has lost its lease changes no
//! row, and notices it.

use access::MemberId;
use database::Connection;
use jobs::{Backlog, Lease};
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::closing::{Closing, Phase};
use crate::db::parse;

/// Begins an attempt to close the account of a locked member. `None` while another process decides about an earlier one.
pub async fn begin(
    connection: &mut Connection,
    member_id: MemberId,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> sqlx::Result<Option<Closing>> {
    let row: Option<ClosingRow> = sqlx::query_as(
        "SELECT member_id, phase, attempt, failures, lease_until FROM account_closings WHERE member_id = ? FOR UPDATE",
    )
    .bind(member_id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let earlier = row.as_ref().map_or(0, |row| row.attempt);
    if let Some(row) = row
        && row.phase == Phase::Deciding.as_str()
        && row.lease_until.is_some_and(|until| until > now)
    {
        return Ok(None);
    }
    let lease = Lease { attempt: earlier + 1, until: lease_until };
    let closing = Closing { member_id, phase: Phase::Deciding, lease, failures: 0 };
    sqlx::query(
        "INSERT INTO account_closings (member_id, phase, attempt, failures, lease_until, begun_at) \
         VALUES (?, 'DECIDING', ?, 0, ?, ?) ON DUPLICATE KEY UPDATE phase = VALUES(phase), \
         attempt = VALUES(attempt), failures = 0, lease_until = VALUES(lease_until), begun_at = VALUES(begun_at)",
    )
    .bind(member_id.0)
    .bind(lease.attempt)
    .bind(lease_until)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(Some(closing))
}

/// Claims at most `limit` closings whose lease has run out, and leases them until `lease_until`. A closing in the phase DECIDING
/// gets the phase UNDOING: the request that was deciding has died.
pub async fn claim_due(
    connection: &mut Connection,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<Vec<Closing>> {
    let rows: Vec<ClosingRow> = sqlx::query_as(
        "SELECT member_id, phase, attempt, failures, lease_until FROM account_closings \
         WHERE lease_until <= ? ORDER BY lease_until LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *connection)
    .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let phase = match parse("phase", &row.phase)? {
            Phase::Deciding => Phase::Undoing,
            phase => phase,
        };
        let lease = Lease { attempt: row.attempt + 1, until: lease_until };
        sqlx::query(
            "UPDATE account_closings SET phase = ?, attempt = ?, lease_until = ? WHERE member_id = ?",
        )
        .bind(phase.as_str())
        .bind(lease.attempt)
        .bind(lease_until)
        .bind(row.member_id)
        .execute(&mut *connection)
        .await?;
        claimed.push(Closing { member_id: MemberId(row.member_id), phase, lease, failures: row.failures });
    }
    Ok(claimed)
}

/// Moves a closing to another phase, in which it is due at `due`, or never if `None`. Returns false if the lease was lost.
pub async fn set_phase(
    connection: &mut Connection,
    closing: Closing,
    phase: Phase,
    now: OffsetDateTime,
    due: Option<OffsetDateTime>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "UPDATE account_closings SET phase = ?, failures = 0, lease_until = ?, begun_at = ? \
         WHERE member_id = ? AND attempt = ? AND phase = ?",
    )
    .bind(phase.as_str())
    .bind(due)
    .bind(now)
    .bind(closing.member_id.0)
    .bind(closing.lease.attempt)
    .bind(closing.phase.as_str())
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// After a failure, ends the lease of a closing at `due`, so that it is claimed then. Changes nothing if the lease was lost.
pub async fn reschedule(
    connection: &mut Connection,
    closing: Closing,
    due: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE account_closings SET failures = failures + 1, lease_until = ? \
         WHERE member_id = ? AND attempt = ? AND phase = ?",
    )
    .bind(due)
    .bind(closing.member_id.0)
    .bind(closing.lease.attempt)
    .bind(closing.phase.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds accounts that were closed at `since` or later without a closing, as older builds do, so that the other
/// services are told.
pub async fn adopt_closed(
    connection: &mut Connection,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<u64> {
    let adopted = sqlx::query(
        "INSERT INTO account_closings (member_id, phase, attempt, failures, lease_until, begun_at) \
         SELECT m.id, 'FORGETTING', 0, 0, ?, ? FROM members m \
         WHERE m.closed_at >= ? AND NOT EXISTS (SELECT 1 FROM account_closings c WHERE c.member_id = m.id) \
         ON DUPLICATE KEY UPDATE attempt = account_closings.attempt",
    )
    .bind(now)
    .bind(now)
    .bind(since)
    .execute(connection)
    .await?;
    Ok(adopted.rows_affected())
}

/// The closings that are not finished, by phase. Those that only wait for tokens to expire are left out.
pub async fn backlogs(connection: &mut Connection) -> sqlx::Result<Vec<Backlog>> {
    let rows: Vec<(String, i64, OffsetDateTime)> = sqlx::query_as(
        "SELECT phase, COUNT(*), MIN(begun_at) FROM account_closings \
         WHERE lease_until IS NOT NULL AND phase <> 'FORGETTING_AGAIN' GROUP BY phase",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(group, jobs, oldest)| Backlog { group, jobs, oldest }).collect())
}

#[derive(FromRow)]
struct ClosingRow {
    member_id: Uuid,
    phase: String,
    attempt: u32,
    failures: u32,
    lease_until: Option<OffsetDateTime>,
}
