use access::MemberId;
use clock::Clock;
use database::Database;
use uuid::Uuid;

use super::db;

/// Why a store was neither followed nor unfollowed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// There is no such live store.
    #[error("there is no such store")]
    NotFound,
    /// The database failed.
    #[error("following a store failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Makes a customer follow a store, if they do not already. The store's count and the rows change together.
pub async fn follow(
    database: &Database,
    clock: &Clock,
    customer: MemberId,
    store_id: Uuid,
) -> Result<(), FollowError> {
    let now = clock.now();
    database
        .run_tx("follow", move |tx| {
            Box::pin(async move {
                let number = db::stores::lock(tx, store_id).await?.ok_or(FollowError::NotFound)?;
                if db::follows::insert(tx, store_id, customer.0, now).await? {
                    db::stores::add_followers(tx, number, 1).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Makes a customer follow a store no longer, if they do.
pub async fn unfollow(database: &Database, customer: MemberId, store_id: Uuid) -> Result<(), FollowError> {
    database
        .run_tx("unfollow", move |tx| {
            Box::pin(async move {
                let number = db::stores::lock(tx, store_id).await?.ok_or(FollowError::NotFound)?;
                if db::follows::delete(tx, store_id, customer.0).await? {
                    db::stores::add_followers(tx, number, -1).await?;
                }
                Ok(())
            })
        })
        .await
}
