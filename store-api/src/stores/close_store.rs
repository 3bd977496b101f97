use clock::Clock;
use database::Database;
use uuid::Uuid;

use super::db;
use super::own_store::lock_own_store;
use crate::items::db::{hearts, items};
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Deletes a seller's store with its items, their hearts, and its follows.
pub async fn close_store(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
) -> Result<(), EditError> {
    edit.run(database, clock, "close_store", (), move |transaction, ()| Box::pin(close_in(transaction, id)))
        .await
}

async fn close_in(transaction: EditTransaction<'_>, id: Uuid) -> Result<(), EditError> {
    let EditTransaction { connection, edit, now } = transaction;
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
