use clock::Clock;
use database::Database;
use idempotency::{KeepError, KeptAnswer, Reply};
use uuid::Uuid;

use super::own_store::lock_own_store;
use super::{Store, StoreEdit, db};
use crate::db::on_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Why a store was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditStoreError {
    /// The store can't be edited now, or not by this seller.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Another live store has the name.
    #[error("the store's name is taken")]
    NameTaken,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("editing a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Edits a seller's store, and answers.
pub async fn edit_store(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
    change: StoreEdit,
    reply: Reply<Store>,
) -> Result<KeptAnswer, EditStoreError> {
    edit.run_answered(database, clock, "edit_store", change, reply, move |transaction, change| {
        Box::pin(edit_in(transaction, id, change))
    })
    .await
}

async fn edit_in(
    transaction: EditTransaction<'_>,
    id: Uuid,
    change: &StoreEdit,
) -> Result<Store, EditStoreError> {
    let EditTransaction { connection, edit, now } = transaction;
    let store = lock_own_store(connection, edit, id).await?;
    let edited = change.apply(&store, now);
    db::stores::update(connection, &edited)
        .await
        .map_err(on_duplicate(db::stores::NAME_KEY, EditStoreError::NameTaken))?;
    search_changes::record_old_text(connection, Corpus::Stores, store.number, &store.name, "").await?;
    Ok(edited)
}
