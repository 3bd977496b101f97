use std::time::Duration;

use clock::Clock;
use database::{Connection, Database};
use store_client::ReservationStatus;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::release::return_stock;

/// A reservation was not expired.
#[derive(Debug, thiserror::Error)]
#[error("expiring a reservation failed in the database")]
pub struct ExpireError(#[from] sqlx::Error);

/// Expires reservations again and again. Every instance runs this worker, and they share the work.
pub async fn expiry_worker(database: Database, clock: Clock, pause: Duration) {
    loop {
        match expire_due(&database, &clock).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "reservations expired and their stock is back on sale"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a reservation was not expired; the worker will try again"
            ),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Puts the stock of every reservation whose time is over back on sale. Each reservation is one transaction. Returns how
/// many have expired.
pub async fn expire_due(database: &Database, clock: &Clock) -> Result<u64, ExpireError> {
    let mut expired = 0;
    while expire_next(database, clock.now()).await?.is_some() {
        expired += 1;
        metrics::counter!("reservations_expired_total").increment(1);
    }
    Ok(expired)
}

async fn expire_next(database: &Database, now: OffsetDateTime) -> Result<Option<Uuid>, ExpireError> {
    database
        .run_tx("expire", move |connection| Box::pin(async move { expire_in(connection, now).await }))
        .await
}

async fn expire_in(connection: &mut Connection, now: OffsetDateTime) -> Result<Option<Uuid>, ExpireError> {
    let Some(order_id) = db::reservations::lock_next_due(connection, now).await? else { return Ok(None) };
    let Some(stored) = db::reservations::lock(connection, order_id).await? else { return Ok(None) };
    return_stock(connection, order_id, &stored.lines).await?;
    db::reservations::update(connection, order_id, ReservationStatus::Expired, stored.expires_at, now)
        .await?;
    Ok(Some(order_id))
}
