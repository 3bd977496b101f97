use access::MemberId;
use clock::Clock;
use database::{Connection, Database};
use uuid::Uuid;

use super::db;
use crate::db::MemberRows;
use crate::shared::{MarkChange, MarkError, Markable, change_mark};

/// A locked store, by its number. A store is marked by following it.
struct Followed(i64);

impl Markable for Followed {
    const MARKS: MemberRows = db::follows::ROWS;

    async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Self>> {
        Ok(db::stores::lock(connection, id).await?.map(Self))
    }

    async fn count(self, connection: &mut Connection, change: i64) -> sqlx::Result<()> {
        db::stores::add_followers(connection, self.0, change).await
    }
}

/// Makes a customer follow a store, if they do not follow it already.
pub async fn follow(
    database: &Database,
    clock: &Clock,
    customer: MemberId,
    store_id: Uuid,
) -> Result<(), MarkError> {
    change_mark::<Followed>(database, "follow", store_id, customer, MarkChange::Set(clock.now())).await
}

/// Makes a customer follow a store no longer, if they follow it.
pub async fn unfollow(database: &Database, customer: MemberId, store_id: Uuid) -> Result<(), MarkError> {
    change_mark::<Followed>(database, "unfollow", store_id, customer, MarkChange::Remove).await
}
