use clock::Clock;
use database::{Connection, Database};
use time::OffsetDateTime;
use uuid::Uuid;

use super::db;
use super::own_item::lock_own_item;
use crate::search_changes::{self, Corpus};
use crate::shared::{EditError, SellerEdit, run_tx_with};

/// Deletes a seller's item with its hearts.
pub async fn remove_item(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    id: Uuid,
) -> Result<(), EditError> {
    let now = clock.now();
    run_tx_with(database, "remove_item", edit, move |connection, edit| {
        Box::pin(remove_in(connection, edit, id, now))
    })
    .await
}

async fn remove_in(
    connection: &mut Connection,
    edit: &SellerEdit,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), EditError> {
    let item = lock_own_item(connection, edit, id).await?;
    search_changes::record_old_text(connection, Corpus::Items, item.number, &item.name, &item.description)
        .await?;
    db::items::delete(connection, item.number, now).await?;
    db::hearts::delete_of_item(connection, id).await?;
    Ok(())
}
