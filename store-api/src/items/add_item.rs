use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db::items::Owner;
use super::{ItemWithOptions, NewItem, NewOption, db};
use crate::db::is_duplicate;
use crate::search_changes::{self, Corpus};

/// Why an item was not listed.
#[derive(Debug, thiserror::Error)]
pub enum AddItemError {
    /// The seller has no such store.
    #[error("the seller has no such store")]
    NoStore,
    /// A live item of the store has the name.
    #[error("the item's name is taken")]
    NameTaken,
    /// Two of its options have one name.
    #[error("an option's name is taken")]
    OptionNameTaken,
    /// The database failed.
    #[error("listing an item failed in the database")]
    Database(#[from] sqlx::Error),
}

struct Ids {
    item: Uuid,
    options: Vec<(Uuid, NewOption)>,
}

/// Lists an item in a seller's store.
pub async fn add_item(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    store_id: Uuid,
    item: NewItem,
) -> Result<ItemWithOptions, AddItemError> {
    let now = clock.now();
    let options = item.options.iter().map(|option| (clock.new_id(), option.clone())).collect();
    let wish = Arc::new((item, Ids { item: clock.new_id(), options }));
    let owner = Owner { store_id, seller_id: seller.0 };
    database
        .run_tx("add_item", move |tx| {
            let wish = Arc::clone(&wish);
            Box::pin(async move { add_in(tx, owner, &wish.0, &wish.1, now).await })
        })
        .await
}

async fn add_in(
    tx: &mut Connection,
    owner: Owner,
    item: &NewItem,
    ids: &Ids,
    now: OffsetDateTime,
) -> Result<ItemWithOptions, AddItemError> {
    if !db::items::lock_store(tx, owner).await? {
        return Err(AddItemError::NoStore);
    }
    let number = db::items::insert(tx, ids.item, owner, item, now).await.map_err(|error| {
        if is_duplicate(&error, db::items::NAME_KEY) { AddItemError::NameTaken } else { error.into() }
    })?;
    db::options::insert(tx, ids.item, &ids.options, now).await.map_err(|error| {
        if is_duplicate(&error, db::options::NAME_KEY) { AddItemError::OptionNameTaken } else { error.into() }
    })?;
    search_changes::record_new(tx, Corpus::Items, number).await?;
    Ok(db::items_with_options::find(tx, ids.item).await?.ok_or(sqlx::Error::RowNotFound)?)
}
