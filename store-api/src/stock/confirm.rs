use clock::Clock;
use database::{Connection, Database};
use store_client::{Reservation, ReservationStatus};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::reservation::{Confirm, on_confirm};
use crate::search_changes;

/// Why a reservation was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The order has no reservation.
    #[error("there is no reservation for this order")]
    NotFound,
    /// Its pieces are back on sale.
    #[error("the reservation has expired or was released")]
    Expired,
    /// The database failed.
    #[error("confirming failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Turns the reserved pieces of an order into sold ones. An order whose pieces are sold already gets the same answer as before.
pub async fn confirm(
    database: &Database,
    clock: &Clock,
    order_id: Uuid,
) -> Result<Reservation, ConfirmError> {
    let now = clock.now();
    database
        .run_tx("confirm", move |connection| {
            Box::pin(async move { confirm_in(connection, order_id, now).await })
        })
        .await
}

async fn confirm_in(
    connection: &mut Connection,
    order_id: Uuid,
    now: OffsetDateTime,
) -> Result<Reservation, ConfirmError> {
    let stored = db::reservations::lock(connection, order_id).await?.ok_or(ConfirmError::NotFound)?;
    match on_confirm(&stored, now) {
        Confirm::Refuse => return Err(ConfirmError::Expired),
        Confirm::Already => {}
        Confirm::Sell => {
            // Items are locked before options, as in the edits of sellers.
            count_sold(connection, order_id).await?;
            for (option_id, pieces) in stored.lines.iter() {
                db::stock::sell(connection, option_id, pieces).await?;
            }
            let confirmed = ReservationStatus::Confirmed;
            db::reservations::update(connection, order_id, confirmed, stored.expires_at, now).await?;
        }
    }
    Ok(Reservation { order_id, status: ReservationStatus::Confirmed, expires_at: stored.expires_at })
}

/// Adds the pieces of an order to the sold counts of their items.
async fn count_sold(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<()> {
    for (number, pieces) in db::stock::bought_items(connection, order_id).await? {
        let sold = db::stock::count_sold(connection, number, pieces).await?;
        search_changes::record_count(connection, number, sold - pieces, sold).await?;
    }
    Ok(())
}
