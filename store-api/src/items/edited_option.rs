use database::Connection;
use time::OffsetDateTime;

use super::{Item, ItemOption, ItemWithOptions, db, lowest_price};
use crate::search_changes;
use crate::shared::EntityTag;

/// An option after an edit, with the new tag of its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedOption {
    /// The option.
    pub option: ItemOption,
    /// The entity tag of the item. An option is a part of its item and shares its tag.
    pub item_tag: EntityTag,
}

/// Updates the price and the version of an item after one of its options was added, edited or deleted. Returns the item
/// with its options as they are now.
pub(super) async fn update_item(
    connection: &mut Connection,
    mut item: Item,
    now: OffsetDateTime,
) -> sqlx::Result<ItemWithOptions> {
    let options = db::options::of_item(connection, item.id).await?;
    let prices = options.iter().map(|option| (option.price, option.on_hand));
    item.min_price = lowest_price(prices).ok_or(sqlx::Error::RowNotFound)?;
    item.version += 1;
    item.updated_at = now;
    db::items::update(connection, &item).await?;
    search_changes::record_facts(connection, item.number).await?;
    Ok(ItemWithOptions { item, options })
}
