use clock::Clock;
use database::{Connection, Database};
use store_client::{Reservation, ReservationStatus};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::locked_items::LockedItems;
use super::reservation::{Lines, Release, on_release};

/// Why a reservation was not released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Its pieces are sold.
    #[error("the reservation was confirmed")]
    Confirmed,
    /// The database failed.
    #[error("releasing failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Puts the pieces that are held for an order back on sale. From then on nothing can be reserved for the order. So a
/// request to reserve that arrives after the release of its order is refused.
pub async fn release(
    database: &Database,
    clock: &Clock,
    order_id: Uuid,
) -> Result<Reservation, ReleaseError> {
    let now = clock.now();
    database
        .run_tx("release", move |connection| {
            Box::pin(async move { release_in(connection, order_id, now).await })
        })
        .await
}

async fn release_in(
    connection: &mut Connection,
    order_id: Uuid,
    now: OffsetDateTime,
) -> Result<Reservation, ReleaseError> {
    let released = |expires_at| Reservation { order_id, status: ReservationStatus::Released, expires_at };
    match db::reservations::insert(connection, order_id, ReservationStatus::Released, now, now).await {
        Ok(()) => return Ok(released(now)),
        Err(error) if database::duplicate_key(&error).is_some() => {}
        Err(error) => return Err(error.into()),
    }
    let stored = db::reservations::lock(connection, order_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    match on_release(stored.status) {
        Release::Refuse => return Err(ReleaseError::Confirmed),
        Release::Already => return Ok(released(stored.expires_at)),
        Release::Close => {}
        Release::ReturnStock => return_stock(connection, order_id, &stored.lines).await?,
    }
    db::reservations::update(connection, order_id, ReservationStatus::Released, stored.expires_at, now)
        .await?;
    Ok(released(stored.expires_at))
}

/// Puts the pieces of every line back on hand, in the order of the option ids.
pub(super) async fn return_stock(
    connection: &mut Connection,
    order_id: Uuid,
    lines: &Lines,
) -> sqlx::Result<()> {
    let items = LockedItems::of_order(connection, order_id).await?;
    let mut back_in_stock = Vec::new();
    for (option_id, pieces) in lines.iter() {
        if db::stock::release(connection, option_id, pieces).await? == pieces {
            back_in_stock.push(option_id);
        }
    }
    items.update_prices(connection, &back_in_stock).await
}
