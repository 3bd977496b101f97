use access::MemberId;
use clock::Clock;
use database::{Connection, Database};
use idempotency::{KeepError, KeptAnswer, Reply};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{NewStore, Store, db};
use crate::db::on_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::run_answered;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// A live store has the name.
    #[error("the store's name is taken")]
    NameTaken,
    /// The account of the seller is closed or being closed.
    #[error("the account of the seller is closed or being closed")]
    AccountClosed,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("opening a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Opens a store, and answers.
pub async fn open_store(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    store: NewStore,
    reply: Reply<Store>,
) -> Result<KeptAnswer, OpenStoreError> {
    let (id, now) = (clock.new_id(), clock.now());
    run_answered(database, "open_store", store, reply, move |connection, store| {
        Box::pin(open_in(connection, id, seller, store, now))
    })
    .await
}

async fn open_in(
    connection: &mut Connection,
    id: Uuid,
    seller: MemberId,
    store: &NewStore,
    now: OffsetDateTime,
) -> Result<Store, OpenStoreError> {
    let number = db::stores::insert(connection, id, seller.0, store, now)
        .await
        .map_err(on_duplicate(db::stores::NAME_KEY, OpenStoreError::NameTaken))?;
    if account_closing::is_marked(connection, seller).await? {
        return Err(OpenStoreError::AccountClosed);
    }
    search_changes::record_new(connection, Corpus::Stores, number).await?;
    Ok(db::stores::find(connection, id).await?.ok_or(sqlx::Error::RowNotFound)?)
}
