use clock::Clock;
use database::Database;
use idempotency::{KeepError, KeptAnswer, Reply};
use uuid::Uuid;

use super::own_item::lock_own_item;
use super::{ItemEdit, ItemWithOptions, db};
use crate::db::on_duplicate;
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Why an item was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditItemError {
    /// The item can't be edited now, or not by this seller.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Another live item of the store has the name.
    #[error("the item's name is taken")]
    NameTaken,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("editing an item failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Edits a seller's item, and answers. Its options stay as they are.
pub async fn edit_item(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
    change: ItemEdit,
    reply: Reply<ItemWithOptions>,
) -> Result<KeptAnswer, EditItemError> {
    edit.run_answered(database, clock, "edit_item", change, reply, move |transaction, change| {
        Box::pin(edit_in(transaction, id, change))
    })
    .await
}

async fn edit_in(
    transaction: EditTransaction<'_>,
    id: Uuid,
    change: &ItemEdit,
) -> Result<ItemWithOptions, EditItemError> {
    let EditTransaction { connection, edit, now } = transaction;
    let item = lock_own_item(connection, edit, id).await?;
    let edited = change.apply(&item, now);
    db::items::update(connection, &edited)
        .await
        .map_err(on_duplicate(db::items::NAME_KEY, EditItemError::NameTaken))?;
    search_changes::record_old_text(connection, Corpus::Items, item.number, &item.name, &item.description)
        .await?;
    Ok(ItemWithOptions { item: edited, options: db::options::of_item(connection, id).await? })
}
