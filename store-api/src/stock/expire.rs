use std::time::Duration;

use clock::Clock;
use database::{Connection, Database};
use jobs::{Next, Progress};
use store_client::ReservationStatus;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::db;
use super::release::return_stock;

/// A reservation was not expired.
#[derive(Debug, thiserror::Error)]
#[error("expiring a reservation failed in the database")]
pub struct ExpireError(#[from] sqlx::Error);

/// Expires reservations until `shutdown` is cancelled. Every instance runs this worker, and they share the work. After the last
/// reservation that is due there is a `pause`.
pub async fn expiry_worker(
    database: Database,
    clock: Clock,
    pause: impl Fn() -> Duration,
    progress: Progress,
    shutdown: CancellationToken,
) {
    let expire = || async { expire_next(&database, clock.now()).await.map(Next::at_once_if) };
    jobs::repeat_after(&progress, &shutdown, pause, expire).await;
}

/// Puts the stock of every reservation whose time is over back on sale. Each reservation is one transaction. Returns how
/// many have expired.
pub async fn expire_due(database: &Database, clock: &Clock) -> Result<u64, ExpireError> {
    let mut expired = 0;
    while expire_next(database, clock.now()).await? {
        expired += 1;
    }
    Ok(expired)
}

/// Expires the next reservation that is due. False if there is none.
async fn expire_next(database: &Database, now: OffsetDateTime) -> Result<bool, ExpireError> {
    let expired = database
        .run_tx("expire", move |connection| Box::pin(async move { expire_in(connection, now).await }))
        .await?;
    if let Some(order_id) = expired {
        tracing::info!(%order_id, "a reservation expired, and its stock is back on sale");
        metrics::counter!("reservations_expired_total").increment(1);
    }
    Ok(expired.is_some())
}

async fn expire_in(connection: &mut Connection, now: OffsetDateTime) -> Result<Option<Uuid>, ExpireError> {
    let Some(order_id) = db::reservations::lock_next_due(connection, now).await? else { return Ok(None) };
    let Some(stored) = db::reservations::lock(connection, order_id).await? else { return Ok(None) };
    return_stock(connection, order_id, &stored.lines).await?;
    db::reservations::update(connection, order_id, ReservationStatus::Expired, stored.expires_at, now)
        .await?;
    Ok(Some(order_id))
}
