use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use crate::items::db::{hearts, items};
use crate::search_changes::{self, Corpus};
use crate::shared::Expected;

/// Why a store was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum CloseStoreError {
    /// The seller has no such store.
    #[error("the seller has no such store")]
    NotFound,
    /// It is at another version than the seller saw.
    #[error("the store has changed meanwhile")]
    Changed,
    /// The database failed.
    #[error("deleting a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Deletes a seller's store with all that it has: items, their hearts, its follows.
pub async fn close_store(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    id: Uuid,
    expected: Expected,
) -> Result<(), CloseStoreError> {
    let (now, expected) = (clock.now(), Arc::new(expected));
    database
        .run_tx("close_store", move |tx| {
            let expected = Arc::clone(&expected);
            Box::pin(async move { close_in(tx, seller, id, &expected, now).await })
        })
        .await
}

async fn close_in(
    tx: &mut Connection,
    seller: MemberId,
    id: Uuid,
    expected: &Expected,
    now: OffsetDateTime,
) -> Result<(), CloseStoreError> {
    let store = db::stores::lock_owned(tx, id, seller.0).await?.ok_or(CloseStoreError::NotFound)?;
    if !expected.allows(store.version) {
        return Err(CloseStoreError::Changed);
    }
    // With the store held, no item is added; with the items written, nobody gives them a heart any more.
    search_changes::record_items_of_store(tx, id).await?;
    items::delete_of_store(tx, id, now).await?;
    hearts::delete_of_store(tx, id).await?;
    db::follows::delete_of_store(tx, id).await?;
    search_changes::record_old_text(tx, Corpus::Stores, store.number, &store.name, "").await?;
    db::stores::delete(tx, store.number, now).await?;
    Ok(())
}
