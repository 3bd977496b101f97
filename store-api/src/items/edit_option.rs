use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Item, ItemOption, OptionEdit, StockOutOfRange, db};
use crate::db::is_duplicate;
use crate::search_changes;
use crate::shared::Expected;

/// Why an option was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditOptionError {
    /// The seller has no such item, or the item no such option.
    #[error("the seller's item has no such option")]
    NotFound,
    /// The item is at another version than the seller saw.
    #[error("the item has changed meanwhile")]
    Changed,
    /// Another live option of the item has the name.
    #[error("the option's name is taken")]
    NameTaken,
    /// The stock would leave its range.
    #[error("the stock would leave its range")]
    StockOutOfRange(#[source] StockOutOfRange),
    /// The database failed.
    #[error("editing an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// An option after an edit, with the version that its item came to by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedOption {
    /// The option.
    pub option: ItemOption,
    /// The item's version: an option is a part of its item and shares its version.
    pub item_version: i64,
}

/// Edits an option of a seller's item.
pub async fn edit_option(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    (item_id, option_id): (Uuid, Uuid),
    expected: Expected,
    edit: OptionEdit,
) -> Result<EditedOption, EditOptionError> {
    let (now, wish) = (clock.now(), Arc::new((expected, edit)));
    database
        .run_tx("edit_option", move |tx| {
            let wish = Arc::clone(&wish);
            Box::pin(async move { edit_in(tx, seller, (item_id, option_id), &wish.0, &wish.1, now).await })
        })
        .await
}

async fn edit_in(
    tx: &mut Connection,
    seller: MemberId,
    (item_id, option_id): (Uuid, Uuid),
    expected: &Expected,
    edit: &OptionEdit,
    now: OffsetDateTime,
) -> Result<EditedOption, EditOptionError> {
    let item = db::items::lock_owned(tx, item_id, seller.0).await?.ok_or(EditOptionError::NotFound)?;
    if !expected.allows(item.version) {
        return Err(EditOptionError::Changed);
    }
    let option = db::options::lock(tx, option_id, item_id).await?.ok_or(EditOptionError::NotFound)?;
    let edited = edit.apply(&option).map_err(EditOptionError::StockOutOfRange)?;
    db::options::update(tx, &edited, edited.on_hand - option.on_hand, now).await.map_err(|error| {
        if is_duplicate(&error, db::options::NAME_KEY) { EditOptionError::NameTaken } else { error.into() }
    })?;
    let (item, _) = touch(tx, item, now).await?;
    Ok(EditedOption { option: edited, item_version: item.version })
}

/// Brings an item in line with its options after one of them was added, edited or deleted. Gives both as they are now.
pub(super) async fn touch(
    tx: &mut Connection,
    mut item: Item,
    now: OffsetDateTime,
) -> sqlx::Result<(Item, Vec<ItemOption>)> {
    let options = db::options::of_item(tx, item.id).await?;
    item.min_price = options.iter().map(|option| option.price).min().ok_or(sqlx::Error::RowNotFound)?;
    item.version += 1;
    item.updated_at = now;
    db::items::update(tx, &item).await?;
    search_changes::record_facts(tx, item.number).await?;
    Ok((item, options))
}
