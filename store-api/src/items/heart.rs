use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use uuid::Uuid;

use super::db;
use super::db::items::HeartCount;
use crate::search_changes;

/// Why an item's heart was neither given nor taken back.
#[derive(Debug, thiserror::Error)]
pub enum HeartError {
    /// There is no such live item.
    #[error("there is no such item")]
    NotFound,
    /// The database failed.
    #[error("giving an item a heart failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Gives an item a customer's heart, if it does not have it already. The item's count and the rows change together.
pub async fn give_heart(
    database: &Database,
    clock: &Clock,
    customer: MemberId,
    item_id: Uuid,
) -> Result<(), HeartError> {
    let now = clock.now();
    database
        .run_tx("give_heart", move |tx| {
            Box::pin(async move {
                let item = db::items::lock_hearts(tx, item_id).await?.ok_or(HeartError::NotFound)?;
                if db::hearts::insert(tx, item_id, customer.0, now).await? {
                    count(tx, item, 1).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Takes a customer's heart back from an item, if it is there.
pub async fn take_heart(database: &Database, customer: MemberId, item_id: Uuid) -> Result<(), HeartError> {
    database
        .run_tx("take_heart", move |tx| {
            Box::pin(async move {
                let item = db::items::lock_hearts(tx, item_id).await?.ok_or(HeartError::NotFound)?;
                if db::hearts::delete(tx, item_id, customer.0).await? {
                    count(tx, item, -1).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn count(tx: &mut Connection, item: HeartCount, change: i64) -> sqlx::Result<()> {
    let hearts = item.hearts + change;
    db::items::set_hearts(tx, item.number, hearts).await?;
    search_changes::record_count(tx, item.number, item.hearts, hearts).await
}
