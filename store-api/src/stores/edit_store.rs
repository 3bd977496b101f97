use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreEdit, db};
use crate::db::is_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::Expected;

/// Why a store was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditStoreError {
    /// The seller has no such store.
    #[error("the seller has no such store")]
    NotFound,
    /// It is at another version than the seller saw.
    #[error("the store has changed meanwhile")]
    Changed,
    /// Another live store has the name.
    #[error("the store's name is taken")]
    NameTaken,
    /// The database failed.
    #[error("editing a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Edits a seller's store.
pub async fn edit_store(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    id: Uuid,
    expected: Expected,
    edit: StoreEdit,
) -> Result<Store, EditStoreError> {
    let (now, wish) = (clock.now(), Arc::new((expected, edit)));
    database
        .run_tx("edit_store", move |tx| {
            let wish = Arc::clone(&wish);
            Box::pin(async move { edit_in(tx, seller, id, &wish.0, &wish.1, now).await })
        })
        .await
}

async fn edit_in(
    tx: &mut Connection,
    seller: MemberId,
    id: Uuid,
    expected: &Expected,
    edit: &StoreEdit,
    now: OffsetDateTime,
) -> Result<Store, EditStoreError> {
    let store = db::stores::lock_owned(tx, id, seller.0).await?.ok_or(EditStoreError::NotFound)?;
    if !expected.allows(store.version) {
        return Err(EditStoreError::Changed);
    }
    let edited = edit.apply(&store, now);
    db::stores::update(tx, &edited).await.map_err(|error| {
        if is_duplicate(&error, db::stores::NAME_KEY) { EditStoreError::NameTaken } else { error.into() }
    })?;
    search_changes::record_old_text(tx, Corpus::Stores, store.number, &store.name, "").await?;
    Ok(edited)
}
