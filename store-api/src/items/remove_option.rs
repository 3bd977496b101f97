use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::edit_option::touch;
use crate::shared::Expected;

/// Why an option was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum RemoveOptionError {
    /// The seller has no such item, or the item no such option.
    #[error("the seller's item has no such option")]
    NotFound,
    /// The item is at another version than the seller saw.
    #[error("the item has changed meanwhile")]
    Changed,
    /// The item would have no option left.
    #[error("it is the item's last option")]
    Last,
    /// The database failed.
    #[error("deleting an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Deletes an option of a seller's item. Orders that hold or bought pieces of it come to their end all the same.
pub async fn remove_option(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    (item_id, option_id): (Uuid, Uuid),
    expected: Expected,
) -> Result<(), RemoveOptionError> {
    let (now, expected) = (clock.now(), Arc::new(expected));
    database
        .run_tx("remove_option", move |tx| {
            let expected = Arc::clone(&expected);
            Box::pin(async move { remove_in(tx, seller, (item_id, option_id), &expected, now).await })
        })
        .await
}

async fn remove_in(
    tx: &mut Connection,
    seller: MemberId,
    (item_id, option_id): (Uuid, Uuid),
    expected: &Expected,
    now: OffsetDateTime,
) -> Result<(), RemoveOptionError> {
    let item = db::items::lock_owned(tx, item_id, seller.0).await?.ok_or(RemoveOptionError::NotFound)?;
    if !expected.allows(item.version) {
        return Err(RemoveOptionError::Changed);
    }
    db::options::lock(tx, option_id, item_id).await?.ok_or(RemoveOptionError::NotFound)?;
    if db::options::of_item(tx, item_id).await?.len() == 1 {
        return Err(RemoveOptionError::Last);
    }
    db::options::delete(tx, option_id, now).await?;
    touch(tx, item, now).await?;
    Ok(())
}
