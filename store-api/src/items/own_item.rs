use database::Connection;
use uuid::Uuid;

use super::{Item, ItemWithOptions, db};
use crate::shared::{EditError, SellerEdit};

/// Locks a live item for an edit: it must belong to the seller and have an expected tag.
///
/// The stock is a part of the tag. So if the edit expects certain tags, the options are locked as well. Then the stock can't
/// change between this comparison and the end of the edit.
pub(super) async fn lock_own_item(
    connection: &mut Connection,
    edit: &SellerEdit,
    id: Uuid,
) -> Result<Item, EditError> {
    let item = db::items::lock_owned(connection, id, edit.seller.0).await?.ok_or(EditError::NotFound)?;
    if edit.is_unconditional() {
        return Ok(item);
    }
    let options = db::options::lock_of_item(connection, id).await?;
    let locked = ItemWithOptions { item, options };
    edit.check(&locked.entity_tag())?;
    Ok(locked.item)
}
