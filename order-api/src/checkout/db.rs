//! The table `checkouts`: the sagas that are not at their end, and their leases.
//!
//! A lease is taken by counting `attempt` up, and every later write names the attempt that it belongs to. Whoever lost
//! the lease meanwhile changes no row, and learns of it by that.

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::state::{Checkout, State, Undo};
use crate::db::unknown;
use crate::orders::order::Failure;

/// Writes a new checkout, with its first lease.
pub async fn insert(
    connection: &mut Connection,
    checkout: &Checkout,
    created_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO checkouts (order_id, state, reserved_until, attempt, lease_until, created_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(checkout.order_id)
    .bind(checkout.state.as_str())
    .bind(checkout.reserved_until)
    .bind(checkout.attempt)
    .bind(checkout.lease_until)
    .bind(created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes up to `limit` checkouts whose lease has run out, and leases them until `lease_until`. To be committed at once.
pub async fn claim_due(
    connection: &mut Connection,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: u32,
) -> sqlx::Result<Vec<Checkout>> {
    let rows: Vec<CheckoutRow> = sqlx::query_as(
        "SELECT order_id, state, failure, undo_id, reserved_until, attempt, lease_until FROM checkouts \
         WHERE lease_until <= ? ORDER BY lease_until LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *connection)
    .await?;
    lease(connection, rows, lease_until).await
}

/// Takes one checkout, where its lease has run out.
pub async fn claim(
    connection: &mut Connection,
    order_id: Uuid,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
) -> sqlx::Result<Option<Checkout>> {
    let rows: Vec<CheckoutRow> = sqlx::query_as(
        "SELECT order_id, state, failure, undo_id, reserved_until, attempt, lease_until FROM checkouts \
         WHERE order_id = ? AND lease_until <= ? FOR UPDATE SKIP LOCKED",
    )
    .bind(order_id)
    .bind(now)
    .fetch_all(&mut *connection)
    .await?;
    Ok(lease(connection, rows, lease_until).await?.pop())
}

async fn lease(
    connection: &mut Connection,
    rows: Vec<CheckoutRow>,
    lease_until: OffsetDateTime,
) -> sqlx::Result<Vec<Checkout>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("UPDATE checkouts SET attempt = attempt + 1, lease_until = ");
    query.push_bind(lease_until).push(" WHERE order_id IN (");
    let mut ids = query.separated(", ");
    for row in &rows {
        ids.push_bind(row.order_id);
    }
    query.push(")");
    query.build().execute(connection).await?;
    let leased = |row: CheckoutRow| {
        let checkout = row.into_checkout()?;
        Ok(Checkout { attempt: checkout.attempt + 1, lease_until, ..checkout })
    };
    rows.into_iter().map(leased).collect()
}

/// Stores the state and the lease of a checkout; false where the lease was lost.
pub async fn update(connection: &mut Connection, checkout: &Checkout) -> sqlx::Result<bool> {
    let undo = checkout.state.undo();
    let done = sqlx::query(
        "UPDATE checkouts SET state = ?, failure = ?, undo_id = ?, lease_until = ? WHERE order_id = ? AND attempt = ?",
    )
    .bind(checkout.state.as_str())
    .bind(undo.map(|undo| undo.failure.as_str()))
    .bind(undo.and_then(|undo| undo.transfer_id))
    .bind(checkout.lease_until)
    .bind(checkout.order_id)
    .bind(checkout.attempt)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a checkout that is at its end; false where the lease was lost.
pub async fn finish(connection: &mut Connection, checkout: &Checkout) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM checkouts WHERE order_id = ? AND attempt = ?")
        .bind(checkout.order_id)
        .bind(checkout.attempt)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How many checkouts are in a state, and since when the oldest of them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Census {
    /// The state.
    pub state: String,
    /// How many.
    pub checkouts: i64,
    /// When the oldest began.
    pub oldest: OffsetDateTime,
}

/// Counts the unfinished checkouts by state.
pub async fn census(connection: &mut Connection) -> sqlx::Result<Vec<Census>> {
    sqlx::query_as(
        "SELECT state, COUNT(*) AS checkouts, MIN(created_at) AS oldest FROM checkouts GROUP BY state",
    )
    .fetch_all(connection)
    .await
}

#[derive(FromRow)]
struct CheckoutRow {
    order_id: Uuid,
    state: String,
    failure: Option<String>,
    undo_id: Option<Uuid>,
    reserved_until: OffsetDateTime,
    attempt: u32,
    lease_until: OffsetDateTime,
}

impl CheckoutRow {
    fn into_checkout(self) -> sqlx::Result<Checkout> {
        let failure = self
            .failure
            .map(|text| Failure::parse(&text).ok_or_else(|| unknown("failure", &text)))
            .transpose()?;
        let undo = failure.map(|failure| Undo { failure, transfer_id: self.undo_id });
        Ok(Checkout {
            order_id: self.order_id,
            state: State::parse(&self.state, undo).ok_or_else(|| unknown("state", &self.state))?,
            reserved_until: self.reserved_until,
            attempt: self.attempt,
            lease_until: self.lease_until,
        })
    }
}
