//! The table `outbox`: the deliveries that have not been made.

use database::Connection;
use jobs::Backlog;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::delivery::{ClaimedDelivery, Delivery, Kind};
use crate::db::unknown;

/// Inserts deliveries. Until `lease_until` only the process that has written them makes them.
pub async fn insert(
    connection: &mut Connection,
    deliveries: &[Delivery],
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> sqlx::Result<()> {
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("INSERT INTO outbox (subject_id, kind, attempt, lease_until, created_at) ");
    query.push_values(deliveries, |mut row, delivery| {
        row.push_bind(delivery.subject_id)
            .push_bind(delivery.kind.as_str())
            .push_bind(1_u32)
            .push_bind(lease_until)
            .push_bind(now);
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// Claims at most `limit` deliveries whose lease has expired, and leases them until `lease_until`. `kinds` are the kinds
/// that this build knows. The caller must commit before it makes the deliveries.
pub async fn claim_due(
    connection: &mut Connection,
    kinds: &[Kind],
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<Vec<ClaimedDelivery>> {
    let rows: Vec<OutboxRow> = sqlx::query_as(
        "SELECT subject_id, kind, attempt FROM outbox WHERE lease_until <= ? ORDER BY lease_until LIMIT ? \
         FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("UPDATE outbox SET attempt = attempt + 1, lease_until = ");
    query.push_bind(lease_until).push(" WHERE (subject_id, kind) IN ");
    query.push_tuples(&rows, |mut key, row| {
        key.push_bind(row.subject_id).push_bind(row.kind.clone());
    });
    query.build().execute(connection).await?;
    rows.into_iter().map(|row| row.into_claimed(kinds)).collect()
}

/// Ends the lease of a delivery at `lease_until`, unless another process has claimed it meanwhile.
pub async fn reschedule(
    connection: &mut Connection,
    claimed: ClaimedDelivery,
    lease_until: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE outbox SET lease_until = ? WHERE subject_id = ? AND kind = ? AND attempt = ?")
        .bind(lease_until)
        .bind(claimed.delivery.subject_id)
        .bind(claimed.delivery.kind.as_str())
        .bind(claimed.attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes deliveries, also if another process has claimed them meanwhile.
pub async fn delete(connection: &mut Connection, deliveries: &[Delivery]) -> sqlx::Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("DELETE FROM outbox WHERE (subject_id, kind) IN ");
    query.push_tuples(deliveries, |mut key, delivery| {
        key.push_bind(delivery.subject_id).push_bind(delivery.kind.as_str());
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// The deliveries that have not been made, by kind.
pub async fn backlogs(connection: &mut Connection) -> sqlx::Result<Vec<Backlog>> {
    let rows: Vec<(String, i64, OffsetDateTime)> =
        sqlx::query_as("SELECT kind, COUNT(*), MIN(created_at) FROM outbox GROUP BY kind")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(group, jobs, oldest)| Backlog { group, jobs, oldest }).collect())
}

#[derive(FromRow)]
struct OutboxRow {
    subject_id: Uuid,
    kind: String,
    attempt: u32,
}

impl OutboxRow {
    /// The delivery, claimed once more.
    fn into_claimed(self, kinds: &[Kind]) -> sqlx::Result<ClaimedDelivery> {
        let kind = kinds.iter().find(|kind| kind.as_str() == self.kind);
        let kind = *kind.ok_or_else(|| unknown("kind", &self.kind))?;
        let delivery = Delivery { kind, subject_id: self.subject_id };
        Ok(ClaimedDelivery { delivery, attempt: self.attempt + 1 })
    }
}
