use clock::Clock;
use database::Database;
use uuid::Uuid;

use super::db;
use super::own_item::lock_own_item;
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Deletes a seller's item with its hearts.
pub async fn remove_item(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
) -> Result<(), EditError> {
    edit.run(database, clock, "remove_item", (), move |transaction, ()| Box::pin(remove_in(transaction, id)))
        .await
}

async fn remove_in(transaction: EditTransaction<'_>, id: Uuid) -> Result<(), EditError> {
    let EditTransaction { connection, edit, now } = transaction;
    let item = lock_own_item(connection, edit, id).await?;
    search_changes::record_old_text(connection, Corpus::Items, item.number, &item.name, &item.description)
        .await?;
    db::items::delete(connection, item.number, now).await?;
    db::hearts::delete_of_item(connection, id).await?;
    Ok(())
}
