use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ItemEdit, ItemWithOptions, db};
use crate::db::is_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::Expected;

/// Why an item was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditItemError {
    /// The seller has no such item.
    #[error("the seller has no such item")]
    NotFound,
    /// It is at another version than the seller saw.
    #[error("the item has changed meanwhile")]
    Changed,
    /// Another live item of the store has the name.
    #[error("the item's name is taken")]
    NameTaken,
    /// The database failed.
    #[error("editing an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Edits a seller's item; its options stay as they are.
pub async fn edit_item(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    id: Uuid,
    expected: Expected,
    edit: ItemEdit,
) -> Result<ItemWithOptions, EditItemError> {
    let (now, wish) = (clock.now(), Arc::new((expected, edit)));
    database
        .run_tx("edit_item", move |tx| {
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
    edit: &ItemEdit,
    now: OffsetDateTime,
) -> Result<ItemWithOptions, EditItemError> {
    let item = db::items::lock_owned(tx, id, seller.0).await?.ok_or(EditItemError::NotFound)?;
    if !expected.allows(item.version) {
        return Err(EditItemError::Changed);
    }
    let edited = edit.apply(&item, now);
    db::items::update(tx, &edited).await.map_err(|error| {
        if is_duplicate(&error, db::items::NAME_KEY) { EditItemError::NameTaken } else { error.into() }
    })?;
    let (name, description) = (&item.name, &item.description);
    search_changes::record_old_text(tx, Corpus::Items, item.number, name, description).await?;
    Ok(ItemWithOptions { item: edited, options: db::options::of_item(tx, id).await? })
}
