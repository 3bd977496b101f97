use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use crate::search_changes::{self, Corpus};
use crate::shared::Expected;

/// Why an item was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum RemoveItemError {
    /// The seller has no such item.
    #[error("the seller has no such item")]
    NotFound,
    /// It is at another version than the seller saw.
    #[error("the item has changed meanwhile")]
    Changed,
    /// The database failed.
    #[error("deleting an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Deletes a seller's item with its hearts.
pub async fn remove_item(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    id: Uuid,
    expected: Expected,
) -> Result<(), RemoveItemError> {
    let (now, expected) = (clock.now(), Arc::new(expected));
    database
        .run_tx("remove_item", move |tx| {
            let expected = Arc::clone(&expected);
            Box::pin(async move { remove_in(tx, seller, id, &expected, now).await })
        })
        .await
}

async fn remove_in(
    tx: &mut Connection,
    seller: MemberId,
    id: Uuid,
    expected: &Expected,
    now: OffsetDateTime,
) -> Result<(), RemoveItemError> {
    let item = db::items::lock_owned(tx, id, seller.0).await?.ok_or(RemoveItemError::NotFound)?;
    if !expected.allows(item.version) {
        return Err(RemoveItemError::Changed);
    }
    let (name, description) = (&item.name, &item.description);
    search_changes::record_old_text(tx, Corpus::Items, item.number, name, description).await?;
    db::items::delete(tx, item.number, now).await?;
    db::hearts::delete_of_item(tx, id).await?;
    Ok(())
}
