use clock::Clock;
use database::{Connection, Database};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::own_store::lock_own_store;
use crate::items::db::{hearts, items};
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, SellerEdit, run_tx_with};

/// Deletes a seller's store with its items, their hearts, and its follows.
pub async fn close_store(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
) -> Result<(), EditError> {
    let now = clock.now();
    run_tx_with(database, "close_store", edit, move |connection, edit| {
        Box::pin(close_in(connection, edit, id, now))
    })
    .await
}

async fn close_in(
    connection: &mut Connection,
    edit: &SellerEdit,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), EditError> {
    let store = lock_own_store(connection, edit, id).await?;
    // The lock on the store keeps new items out. The update of the items locks them and so keeps new hearts out.
    search_changes::record_items_of_store(connection, id).await?;
    items::delete_of_store(connection, id, now).await?;
    hearts::delete_of_store(connection, id).await?;
    db::follows::delete_of_store(connection, id).await?;
    search_changes::record_old_text(connection, Corpus::Stores, store.number, &store.name, "").await?;
    db::stores::delete(connection, store.number, now).await?;
    Ok(())
}
