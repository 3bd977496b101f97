use database::Connection;
use uuid::Uuid;

use super::{Store, db};
use crate::shared::{EditError, SellerEdit};

/// Locks a live store for an edit: it must belong to the seller and have an expected tag.
pub(super) async fn lock_own_store(
    connection: &mut Connection,
    edit: &SellerEdit,
    id: Uuid,
) -> Result<Store, EditError> {
    let store = db::stores::lock_owned(connection, id, edit.seller.0).await?.ok_or(EditError::NotFound)?;
    edit.check(&store.entity_tag())?;
    Ok(store)
}
