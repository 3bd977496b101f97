use access::MemberId;
use clock::Clock;
use database::{Connection, Database};
use uuid::Uuid;

use super::db;
use super::db::items::HeartCount;
use crate::db::MemberRows;
use crate::search_changes;
use crate::shared::{MarkChange, MarkError, Markable, change_mark};

/// An item is marked with a heart.
impl Markable for HeartCount {
    const MARKS: MemberRows = db::hearts::ROWS;

    async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Self>> {
        db::items::lock_hearts(connection, id).await
    }

    async fn count(self, connection: &mut Connection, change: i64) -> sqlx::Result<()> {
        let hearts = self.hearts + change;
        db::items::set_hearts(connection, self.number, hearts).await?;
        search_changes::record_count(connection, self.number, self.hearts, hearts).await
    }
}

/// Gives an item a customer's heart, if it does not have it already.
pub async fn give_heart(
    database: &Database,
    clock: &Clock,
    customer: MemberId,
    item_id: Uuid,
) -> Result<(), MarkError> {
    change_mark::<HeartCount>(database, "give_heart", item_id, customer, MarkChange::Set(clock.now())).await
}

/// Takes a customer's heart back from an item, if the item has it.
pub async fn take_heart(database: &Database, customer: MemberId, item_id: Uuid) -> Result<(), MarkError> {
    change_mark::<HeartCount>(database, "take_heart", item_id, customer, MarkChange::Remove).await
}
