use access::MemberId;
use clock::Clock;
use database::{Connection, Database};
use idempotency::{KeepError, KeptAnswer, Reply};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db::items::Owner;
use super::{ItemWithOptions, NewItem, NewOption, db};
use crate::db::on_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::run_answered;

/// Why an item was not listed.
#[derive(Debug, thiserror::Error)]
pub enum AddItemError {
    /// The seller has no such store.
    #[error("the seller has no such store")]
    NoStore,
    /// A live item of the store has the name.
    #[error("the item's name is taken")]
    NameTaken,
    /// Two options of the item have the same name.
    #[error("an option's name is taken")]
    OptionNameTaken,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("listing an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// The new item with its id, and its options with theirs.
struct WithIds {
    id: Uuid,
    item: NewItem,
    options: Vec<(Uuid, NewOption)>,
}

/// Lists an item in a seller's store, and answers.
pub async fn add_item(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    store_id: Uuid,
    item: NewItem,
    reply: Reply<ItemWithOptions>,
) -> Result<KeptAnswer, AddItemError> {
    let now = clock.now();
    let options = item.options.iter().map(|option| (clock.new_id(), option.clone())).collect();
    let new = WithIds { id: clock.new_id(), item, options };
    let owner = Owner { store_id, seller_id: seller.0 };
    run_answered(database, "add_item", new, reply, move |connection, new| {
        Box::pin(add_in(connection, owner, new, now))
    })
    .await
}

async fn add_in(
    connection: &mut Connection,
    owner: Owner,
    WithIds { id, item, options }: &WithIds,
    now: OffsetDateTime,
) -> Result<ItemWithOptions, AddItemError> {
    if !db::items::lock_store(connection, owner).await? {
        return Err(AddItemError::NoStore);
    }
    let number = db::items::insert(connection, *id, owner, item, now)
        .await
        .map_err(on_duplicate(db::items::NAME_KEY, AddItemError::NameTaken))?;
    db::options::insert(connection, *id, options, now)
        .await
        .map_err(on_duplicate(db::options::NAME_KEY, AddItemError::OptionNameTaken))?;
    search_changes::record_new(connection, Corpus::Items, number).await?;
    Ok(db::items_with_options::find(connection, *id).await?.ok_or(sqlx::Error::RowNotFound)?)
}
