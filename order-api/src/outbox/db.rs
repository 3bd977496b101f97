//! The table `outbox`: what was decided here and is still to be done elsewhere.

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::delivery::{Delivery, Kind};
use crate::db::unknown;

/// A delivery that was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    /// What is to be done.
    pub delivery: Delivery,
    /// How often it was taken up.
    pub attempt: u32,
}

/// Writes down what is owed. Until `lease_until` nobody but the writer sees to it.
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

/// Takes up to `limit` deliveries whose lease has run out, and leases them until `lease_until`. To be committed at once.
pub async fn claim_due(
    connection: &mut Connection,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<Vec<Leased>> {
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
    rows.into_iter().map(|row| row.into_leased(1)).collect()
}

/// Puts a delivery off until `lease_until`, unless somebody else has taken it up meanwhile.
pub async fn put_off(
    connection: &mut Connection,
    leased: Leased,
    lease_until: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE outbox SET lease_until = ? WHERE subject_id = ? AND kind = ? AND attempt = ?")
        .bind(lease_until)
        .bind(leased.delivery.subject_id)
        .bind(leased.delivery.kind.as_str())
        .bind(leased.attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes what is done, whoever has taken it up since: done is done.
pub async fn remove(connection: &mut Connection, done: &[Delivery]) -> sqlx::Result<()> {
    if done.is_empty() {
        return Ok(());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("DELETE FROM outbox WHERE (subject_id, kind) IN ");
    query.push_tuples(done, |mut key, delivery| {
        key.push_bind(delivery.subject_id).push_bind(delivery.kind.as_str());
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// How much of a kind is owed, and since when the oldest of it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Census {
    /// The kind.
    pub kind: String,
    /// How many.
    pub deliveries: i64,
    /// When the oldest was written down.
    pub oldest: OffsetDateTime,
}

/// Counts what is owed by kind.
pub async fn census(connection: &mut Connection) -> sqlx::Result<Vec<Census>> {
    sqlx::query_as("SELECT kind, COUNT(*) AS deliveries, MIN(created_at) AS oldest FROM outbox GROUP BY kind")
        .fetch_all(connection)
        .await
}

#[derive(FromRow)]
struct OutboxRow {
    subject_id: Uuid,
    kind: String,
    attempt: u32,
}

impl OutboxRow {
    fn into_leased(self, taken_up: u32) -> sqlx::Result<Leased> {
        let kind = Kind::parse(&self.kind).ok_or_else(|| unknown("kind", &self.kind))?;
        let delivery = Delivery { kind, subject_id: self.subject_id };
        Ok(Leased { delivery, attempt: self.attempt + taken_up })
    }
}
