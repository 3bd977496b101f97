use std::sync::Arc;

use clock::Clock;
use database::Connection;
use database::Database;
use store_client::{Reservation, ReservationStatus, Shortage};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::reservation::{Lines, MAX_HOLD, Reserve, on_reserve};
use crate::search_changes;

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// There is not enough of these.
    #[error("there is not enough in stock")]
    OutOfStock(Vec<Shortage>),
    /// The time until which stock was to be held is over.
    #[error("the reservation would have expired already")]
    Expired,
    /// Stock would be held for longer than [`MAX_HOLD`].
    #[error("stock is held for a day at most")]
    TooLong,
    /// The order's reservation has other lines, or was released.
    #[error("the order has another reservation")]
    Mismatch,
    /// The database failed.
    #[error("reserving failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Holds stock for an order until `expires_at`: every line, or nothing. For an order that has its stock already, the
/// answer is what it was.
pub async fn reserve(
    database: &Database,
    clock: &Clock,
    order_id: Uuid,
    lines: Lines,
    expires_at: OffsetDateTime,
) -> Result<Reservation, ReserveError> {
    let now = clock.now();
    if expires_at <= now {
        return Err(ReserveError::Expired);
    }
    if expires_at > now + MAX_HOLD {
        return Err(ReserveError::TooLong);
    }
    let wanted = Arc::new(lines);
    database
        .run_tx("reserve", move |tx| {
            let wanted = Arc::clone(&wanted);
            Box::pin(async move { reserve_in(tx, order_id, &wanted, expires_at, now).await })
        })
        .await
}

async fn reserve_in(
    tx: &mut Connection,
    order_id: Uuid,
    wanted: &Lines,
    expires_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Reservation, ReserveError> {
    let held = Reservation { order_id, status: ReservationStatus::Held, expires_at };
    match db::reservations::insert(tx, order_id, held.status, expires_at, now).await {
        Ok(()) => {
            // The lines come before the stock: a hot option's row is held for as few statements as possible.
            db::reservations::insert_lines(tx, order_id, wanted).await?;
            take(tx, order_id, wanted).await?;
            return Ok(held);
        }
        Err(error) if database::duplicate_key(&error).is_some() => {}
        Err(error) => return Err(error.into()),
    }
    let stored = db::reservations::lock(tx, order_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    match on_reserve(&stored, wanted, now) {
        Reserve::Refuse => return Err(ReserveError::Mismatch),
        Reserve::Already => {
            return Ok(Reservation { order_id, status: stored.status, expires_at: stored.expires_at });
        }
        Reserve::HoldAgain => take(tx, order_id, wanted).await?,
        Reserve::Extend => {}
    }
    db::reservations::update(tx, order_id, held.status, expires_at, now).await?;
    Ok(held)
}

/// Takes every line, in the order of the options' ids; an error rolls all of it back.
async fn take(tx: &mut Connection, order_id: Uuid, wanted: &Lines) -> Result<(), ReserveError> {
    let mut sold_out = false;
    for (option_id, pieces) in wanted.iter() {
        match db::stock::reserve(tx, option_id, pieces).await? {
            Some(left) => sold_out |= left == 0,
            None => return Err(ReserveError::OutOfStock(shortages(tx, wanted, option_id).await?)),
        }
    }
    if sold_out {
        search_changes::record_sold_out(tx, order_id).await?;
    }
    Ok(())
}

/// Every line of which there is not enough, from `first` on, where it was noticed: those before it were taken.
async fn shortages(tx: &mut Connection, wanted: &Lines, first: Uuid) -> sqlx::Result<Vec<Shortage>> {
    let missing: Vec<(Uuid, i64)> = wanted.iter().filter(|(option_id, _)| *option_id >= first).collect();
    let ids: Vec<Uuid> = missing.iter().map(|(option_id, _)| *option_id).collect();
    let on_hand = db::stock::on_hand(tx, &ids).await?;
    let available =
        |option_id| on_hand.iter().find(|(id, _)| *id == option_id).map_or(0, |(_, pieces)| *pieces);
    let shortages = missing.into_iter().map(|(option_id, pieces)| Shortage {
        option_id,
        wanted: pieces,
        available: available(option_id),
    });
    // The first is short even where somebody has put pieces back meanwhile: it was refused.
    Ok(shortages.filter(|short| short.available < short.wanted || short.option_id == first).collect())
}
