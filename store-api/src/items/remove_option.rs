use clock::Clock;
use database::Database;
use uuid::Uuid;

use super::db;
use super::edited_option::update_item;
use super::own_item::lock_own_item;
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Why an option was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum RemoveOptionError {
    /// The item can't be edited now, or not by this seller.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The item has no such option.
    #[error("the item has no such option")]
    NoOption,
    /// The item would have no option left.
    #[error("it is the item's last option")]
    Last,
    /// The database failed.
    #[error("deleting an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Deletes an option of a seller's item. Orders that hold or have bought pieces of it are not affected.
pub async fn remove_option(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    (item_id, option_id): (Uuid, Uuid),
) -> Result<(), RemoveOptionError> {
    edit.run(database, clock, "remove_option", (), move |transaction, ()| {
        Box::pin(remove_in(transaction, (item_id, option_id)))
    })
    .await
}

async fn remove_in(
    transaction: EditTransaction<'_>,
    (item_id, option_id): (Uuid, Uuid),
) -> Result<(), RemoveOptionError> {
    let EditTransaction { connection, edit, now } = transaction;
    let item = lock_own_item(connection, edit, item_id).await?;
    db::options::lock(connection, option_id, item_id).await?.ok_or(RemoveOptionError::NoOption)?;
    if db::options::of_item(connection, item_id).await?.len() == 1 {
        return Err(RemoveOptionError::Last);
    }
    db::options::delete(connection, option_id, now).await?;
    update_item(connection, item, now).await?;
    Ok(())
}
