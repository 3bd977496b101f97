//! The table `sign_in_failures`.

use std::time::Duration;

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;

use super::delete_before::delete_before;
use crate::sessions::delay::Failures;
use crate::sessions::subjects::Subject;

/// Finds the failures of some subjects, in their order. `None` if there are none.
pub async fn find(connection: &mut Connection, subjects: &[Subject]) -> sqlx::Result<Vec<Option<Failures>>> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT subject, clear_at, failed_at, claimed_until FROM sign_in_failures WHERE subject IN (",
    );
    let mut list = query.separated(", ");
    for subject in subjects {
        list.push_bind(&subject[..]);
    }
    query.push(")");
    let rows: Vec<FailuresRow> = query.build_query_as().fetch_all(connection).await?;
    let of = |subject: &Subject| rows.iter().find(|row| row.subject == subject[..]).map(Failures::from);
    Ok(subjects.iter().map(of).collect())
}

/// Adds a failure of each subject. `clear_at` is what it is if it is the only one.
pub async fn add(
    connection: &mut Connection,
    subjects: &[(Subject, OffsetDateTime)],
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<MySql>::new(
        "INSERT INTO sign_in_failures (subject, clear_at, failed_at, claimed_until) ",
    );
    query.push_values(subjects, |mut row, (subject, clear_at)| {
        row.push_bind(&subject[..]).push_bind(*clear_at).push_bind(now).push_bind(now);
    });
    query.push(
        " ON DUPLICATE KEY UPDATE clear_at = DATE_ADD(GREATEST(clear_at, VALUES(failed_at)), \
         INTERVAL TIMESTAMPDIFF(MICROSECOND, VALUES(failed_at), VALUES(clear_at)) MICROSECOND), \
         failed_at = VALUES(failed_at), claimed_until = VALUES(claimed_until)",
    );
    query.build().execute(connection).await?;
    Ok(())
}

/// Claims the next attempt of a subject. Returns false if another one has it, or has failed since the failures were found.
pub async fn claim(
    connection: &mut Connection,
    subject: Subject,
    found: Failures,
    until: OffsetDateTime,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE sign_in_failures SET claimed_until = ? WHERE subject = ? AND failed_at = ? AND claimed_until = ?",
    )
    .bind(until)
    .bind(&subject[..])
    .bind(found.failed_at)
    .bind(found.claimed_until)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a claim.
pub async fn release(
    connection: &mut Connection,
    subject: Subject,
    claimed_until: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE sign_in_failures SET claimed_until = ? WHERE subject = ? AND claimed_until = ?")
        .bind(now)
        .bind(&subject[..])
        .bind(claimed_until)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgives some failures of a subject: those that would have taken this long.
pub async fn forgive(connection: &mut Connection, subject: Subject, refill: Duration) -> sqlx::Result<()> {
    let microseconds = u64::try_from(refill.as_micros()).unwrap_or(u64::MAX);
    if microseconds == 0 {
        return Ok(());
    }
    sqlx::query(
        "UPDATE sign_in_failures SET clear_at = DATE_SUB(clear_at, INTERVAL ? MICROSECOND) WHERE subject = ?",
    )
    .bind(microseconds)
    .bind(&subject[..])
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the failures of a subject.
pub async fn delete(connection: &mut Connection, subject: Subject) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sign_in_failures WHERE subject = ?")
        .bind(&subject[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes up to `limit` subjects whose failures were all forgiven before a time. Returns the number of deleted rows.
pub async fn delete_clear(
    connection: &mut Connection,
    before: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<u64> {
    let statement = "DELETE FROM sign_in_failures WHERE clear_at < ? ORDER BY clear_at LIMIT ?";
    delete_before(connection, statement, before, limit).await
}

#[derive(FromRow)]
struct FailuresRow {
    subject: Vec<u8>,
    clear_at: OffsetDateTime,
    failed_at: OffsetDateTime,
    claimed_until: OffsetDateTime,
}

impl From<&FailuresRow> for Failures {
    fn from(row: &FailuresRow) -> Self {
        Self { clear_at: row.clear_at, failed_at: row.failed_at, claimed_until: row.claimed_until }
    }
}
