use clock::Clock;
use database::{Connection, Database};
use store_client::{Restock, RestockRequest};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::db::stock::OptionOfItem;
use crate::items::update_price;
use crate::search_changes;

/// Why nothing came back on sale.
#[derive(Debug, thiserror::Error)]
pub enum RestockError {
    /// The order did not buy this option.
    #[error("the order did not buy this option")]
    NotSold,
    /// The id belongs to another restock, or more pieces would come back than were sold.
    #[error("the restock does not fit what was sold")]
    Mismatch,
    /// The database failed.
    #[error("restocking failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Puts pieces that an order has bought back on sale, once for each id: they are not sold any more. A known id gets the same
/// answer as before.
pub async fn restock(
    database: &Database,
    clock: &Clock,
    id: Uuid,
    request: RestockRequest,
) -> Result<Restock, RestockError> {
    let now = clock.now();
    database
        .run_tx("restock", move |connection| {
            Box::pin(async move { restock_in(connection, id, request, now).await })
        })
        .await
}

async fn restock_in(
    connection: &mut Connection,
    id: Uuid,
    request: RestockRequest,
    now: OffsetDateTime,
) -> Result<Restock, RestockError> {
    let RestockRequest { order_id, option_id, quantity } = request;
    // The order is locked first. So two requests with the same id, which name the same order, run one after the other.
    let line = db::reservations::lock_sold_line(connection, order_id, option_id).await?;
    if let Some(earlier) = db::restocks::find(connection, id).await? {
        if earlier != request {
            return Err(RestockError::Mismatch);
        }
        return Ok(Restock { id, order_id, option_id, quantity });
    }
    let line = line.ok_or(RestockError::NotSold)?;
    if line.restocked + quantity > line.quantity {
        return Err(RestockError::Mismatch);
    }
    match db::restocks::insert(connection, id, &request, now).await {
        Ok(()) => {}
        // Another order used the same id at the same time.
        Err(error) if database::duplicate_key(&error).is_some() => return Err(RestockError::Mismatch),
        Err(error) => return Err(error.into()),
    }
    db::reservations::add_restocked(connection, order_id, option_id, quantity).await?;
    let OptionOfItem { item_number, item_id, .. } = db::stock::item_of_option(connection, option_id).await?;
    // The item is locked before the option, as in the edits of sellers.
    let sold = db::stock::count_sold(connection, item_number, -quantity).await?;
    search_changes::record_count(connection, item_number, sold + quantity, sold).await?;
    if db::stock::restock(connection, option_id, quantity).await? == quantity {
        update_price(connection, item_number, item_id).await?;
    }
    Ok(Restock { id, order_id, option_id, quantity })
}
