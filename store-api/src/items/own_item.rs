use database::Connection;
use uuid::Uuid;

use super::{Item, db};
use crate::shared::{EditError, SellerEdit};

/// Locks a live item for an edit: it must belong to the seller and have an expected version.
pub(super) async fn lock_own_item(
    connection: &mut Connection,
    edit: &SellerEdit,
    id: Uuid,
) -> Result<Item, EditError> {
    let item = db::items::lock_owned(connection, id, edit.seller.0).await?;
    edit.check(item, |item| item.version)
}
