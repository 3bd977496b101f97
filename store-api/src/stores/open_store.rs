use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{NewStore, Store, db};
use crate::db::is_duplicate;
use crate::search_changes::{self, Corpus};

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// A live store has the name.
    #[error("the store's name is taken")]
    NameTaken,
    /// The database failed.
    #[error("opening a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Opens a store.
pub async fn open_store(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    store: NewStore,
) -> Result<Store, OpenStoreError> {
    let (id, now, store) = (clock.new_id(), clock.now(), Arc::new(store));
    database
        .run_tx("open_store", move |tx| {
            let store = Arc::clone(&store);
            Box::pin(async move { open_in(tx, id, seller, &store, now).await })
        })
        .await
}

async fn open_in(
    tx: &mut Connection,
    id: Uuid,
    seller: MemberId,
    store: &NewStore,
    now: OffsetDateTime,
) -> Result<Store, OpenStoreError> {
    let number = db::stores::insert(tx, id, seller.0, store, now).await.map_err(|error| {
        if is_duplicate(&error, db::stores::NAME_KEY) { OpenStoreError::NameTaken } else { error.into() }
    })?;
    search_changes::record_new(tx, Corpus::Stores, number).await?;
    Ok(db::stores::find(tx, id).await?.ok_or(sqlx::Error::RowNotFound)?)
}
