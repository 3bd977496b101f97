//! The table `checkouts`: the checkouts that have not ended, and their leases.
//!
//! Claiming a checkout increases `attempt`, and every later write names its attempt. So a process that has lost its lease
//! changes no row, and notices it.

use access::MemberId;
use account_closing::NOT_MARKED;
use database::Connection;
use jobs::{Backlog, Lease};
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::state::{Checkout, Compensation, State};
use crate::db::{parse, unknown};

/// Inserts a checkout with its first lease, after its order. If the customer's account is closed or being closed, changes
/// nothing and returns false.
pub async fn insert(
    connection: &mut Connection,
    checkout: &Checkout,
    customer: MemberId,
    created_at: OffsetDateTime,
) -> sqlx::Result<bool> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "INSERT INTO checkouts (order_id, state, reserved_until, attempt, lease_until, created_at) \
         SELECT ?, ?, ?, ?, ?, ? FROM DUAL WHERE ",
    );
    query.push(NOT_MARKED);
    let inserted = query
        .build()
        .bind(checkout.order_id)
        .bind(checkout.state.as_str())
        .bind(checkout.reserved_until)
        .bind(checkout.lease.attempt)
        .bind(checkout.lease.until)
        .bind(created_at)
        .bind(customer.0)
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Claims at most `limit` checkouts whose lease has expired, and leases them until `lease_until`. The caller must commit
/// before it works on them.
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

/// Claims one checkout, if its lease has expired.
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
        let lease = Lease { attempt: checkout.lease.attempt + 1, until: lease_until };
        Ok(Checkout { lease, ..checkout })
    };
    rows.into_iter().map(leased).collect()
}

/// Updates the state and the lease of a checkout. Returns false if the lease was lost.
pub async fn update(connection: &mut Connection, checkout: &Checkout) -> sqlx::Result<bool> {
    let compensation = checkout.state.compensation();
    let updated = sqlx::query(
        "UPDATE checkouts SET state = ?, failure = ?, undo_id = ?, lease_until = ? WHERE order_id = ? AND attempt = ?",
    )
    .bind(checkout.state.as_str())
    .bind(compensation.map(|compensation| compensation.failure.as_str()))
    .bind(compensation.and_then(|compensation| compensation.transfer_id))
    .bind(checkout.lease.until)
    .bind(checkout.order_id)
    .bind(checkout.lease.attempt)
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Deletes a checkout that has ended. Returns false if the lease was lost.
pub async fn delete(connection: &mut Connection, checkout: &Checkout) -> sqlx::Result<bool> {
    let deleted = sqlx::query("DELETE FROM checkouts WHERE order_id = ? AND attempt = ?")
        .bind(checkout.order_id)
        .bind(checkout.lease.attempt)
        .execute(connection)
        .await?;
    Ok(deleted.rows_affected() == 1)
}

/// The checkouts that have not ended, by state.
pub async fn backlogs(connection: &mut Connection) -> sqlx::Result<Vec<Backlog>> {
    let rows: Vec<(String, i64, OffsetDateTime)> =
        sqlx::query_as("SELECT state, COUNT(*), MIN(created_at) FROM checkouts GROUP BY state")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(group, jobs, oldest)| Backlog { group, jobs, oldest }).collect())
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
        let failure = self.failure.map(|text| parse("failure", &text)).transpose()?;
        let compensation = failure.map(|failure| Compensation { failure, transfer_id: self.undo_id });
        Ok(Checkout {
            order_id: self.order_id,
            state: State::parse(&self.state, compensation).ok_or_else(|| unknown("state", &self.state))?,
            reserved_until: self.reserved_until,
            lease: Lease { attempt: self.attempt, until: self.lease_until },
        })
    }
}
