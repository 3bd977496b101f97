use std::sync::Arc;

use clock::Clock;
use database::{Connection, Database};
use store_client::{Reservation, ReservationStatus, Shortage};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::locked_items::LockedItems;
use super::reservation::{Lines, MAX_HOLD, Reserve, on_reserve};
use crate::shared::run_tx_with;

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// There are not enough pieces of these options.
    #[error("there is not enough in stock")]
    OutOfStock(Vec<Shortage>),
    /// The time until which the stock should be held is over.
    #[error("the reservation would have expired already")]
    Expired,
    /// Stock would be held for longer than [`MAX_HOLD`].
    #[error("stock is held for a day at most")]
    TooLong,
    /// The reservation of the order has other lines, or was released.
    #[error("the order has another reservation")]
    Mismatch,
    /// The database failed.
    #[error("reserving failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Which pieces a transaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// All pieces of an option but the last. The item does not change, so its row is not locked.
    AllButTheLast,
    /// Also the last piece of an option. This can change the price of the item, so the items are locked before the options.
    EvenTheLast,
}

/// Why a transaction has reserved nothing.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// It would have taken the last piece of an option without a lock on the item.
    #[error("the last piece of an option can be taken only with its item locked")]
    NeedsLockedItems,
    /// The answer.
    #[error(transparent)]
    Refused(#[from] ReserveError),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Holds the stock of every line for an order until `expires_at`, or of none. An order that has its stock already gets
/// the same answer as before.
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
    let lines = Arc::new(lines);
    let mut take = Take::AllButTheLast;
    loop {
        let reserved = run_tx_with(database, "reserve", Arc::clone(&lines), move |connection, lines| {
            Box::pin(reserve_in(connection, order_id, lines, take, expires_at, now))
        });
        match reserved.await {
            Ok(reservation) => return Ok(reservation),
            Err(Stopped::NeedsLockedItems) => take = Take::EvenTheLast,
            Err(Stopped::Refused(error)) => return Err(error),
        }
    }
}

async fn reserve_in(
    connection: &mut Connection,
    order_id: Uuid,
    wanted: &Lines,
    take: Take,
    expires_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Reservation, Stopped> {
    let held = Reservation { order_id, status: ReservationStatus::Held, expires_at };
    match db::reservations::insert(connection, order_id, held.status, expires_at, now).await {
        Ok(()) => {
            // The lines are written before the stock is taken, so that the row of a hot option is locked only briefly.
            db::reservations::insert_lines(connection, order_id, wanted).await?;
            take_stock(connection, order_id, wanted, take).await?;
            return Ok(held);
        }
        Err(error) if database::duplicate_key(&error).is_some() => {}
        Err(error) => return Err(error.into()),
    }
    let stored = db::reservations::lock(connection, order_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    match on_reserve(&stored, wanted, now) {
        Reserve::Refuse => return Err(ReserveError::Mismatch.into()),
        Reserve::Already => {
            return Ok(Reservation { order_id, status: stored.status, expires_at: stored.expires_at });
        }
        Reserve::HoldAgain => take_stock(connection, order_id, wanted, take).await?,
        Reserve::Extend => {}
    }
    db::reservations::update(connection, order_id, held.status, expires_at, now).await?;
    Ok(held)
}

/// Takes the stock of every line, in the order of the option ids. An error rolls the transaction back.
async fn take_stock(
    connection: &mut Connection,
    order_id: Uuid,
    wanted: &Lines,
    take: Take,
) -> Result<(), Stopped> {
    let (items, at_least_left) = match take {
        Take::AllButTheLast => (None, 1),
        Take::EvenTheLast => (Some(LockedItems::of_order(connection, order_id).await?), 0),
    };
    let mut sold_out = Vec::new();
    for (option_id, pieces) in wanted.iter() {
        match db::stock::reserve(connection, option_id, pieces, at_least_left).await? {
            Some(0) => sold_out.push(option_id),
            Some(_) => {}
            None => {
                let shortages = shortages(connection, wanted, option_id).await?;
                let is_enough = shortages.first().is_some_and(|first| first.available >= first.wanted);
                if is_enough && take == Take::AllButTheLast {
                    return Err(Stopped::NeedsLockedItems);
                }
                return Err(ReserveError::OutOfStock(shortages).into());
            }
        }
    }
    if let Some(items) = items {
        items.update_prices(connection, &sold_out).await?;
    }
    Ok(())
}

/// The lines without enough stock. `first` is the first of them; the lines before it were taken.
async fn shortages(connection: &mut Connection, wanted: &Lines, first: Uuid) -> sqlx::Result<Vec<Shortage>> {
    let missing: Vec<(Uuid, i64)> = wanted.iter().filter(|(option_id, _)| *option_id >= first).collect();
    let ids: Vec<Uuid> = missing.iter().map(|(option_id, _)| *option_id).collect();
    let on_hand = db::stock::on_hand(connection, &ids).await?;
    let available =
        |option_id| on_hand.iter().find(|(id, _)| *id == option_id).map_or(0, |(_, pieces)| *pieces);
    let shortages = missing.into_iter().map(|(option_id, pieces)| Shortage {
        option_id,
        wanted: pieces,
        available: available(option_id),
    });
    // The first line was refused, so it is reported even if pieces came back since.
    Ok(shortages.filter(|short| short.available < short.wanted || short.option_id == first).collect())
}
