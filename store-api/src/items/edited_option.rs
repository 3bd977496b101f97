use database::Connection;
use time::OffsetDateTime;

use super::{Item, ItemOption, db};
use crate::search_changes;

/// An option after an edit, with the new version of its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedOption {
    /// The option.
    pub option: ItemOption,
    /// The version of the item. An option is a part of its item and shares its version.
    pub item_version: i64,
}

/// Updates the price and the version of an item after one of its options was added, edited or deleted. Returns the item
/// and its options as they are now.
pub(super) async fn update_item(
    connection: &mut Connection,
    mut item: Item,
    now: OffsetDateTime,
) -> sqlx::Result<(Item, Vec<ItemOption>)> {
    let options = db::options::of_item(connection, item.id).await?;
    item.min_price = options.iter().map(|option| option.price).min().ok_or(sqlx::Error::RowNotFound)?;
    item.version += 1;
    item.updated_at = now;
    db::items::update(connection, &item).await?;
    search_changes::record_facts(connection, item.number).await?;
    Ok((item, options))
}
