//! Removing what a member whose account is closed has left: hearts, follows, the texts of deleted stores, and the answers to the
//! member's requests.

use access::MemberId;

use super::db;
use crate::items::take_heart;
use crate::shared::MarkError;
use crate::state::AppState;
use crate::stores::unfollow;

/// Removes the hearts and follows, and their counts with them. Replaces the names of deleted stores, and removes the texts
/// and pictures of these and of their items. Removes the member's Idempotency-Keys with the answers that were kept.
pub(super) async fn forget(state: &AppState, member: MemberId, placeholder: &str) -> Result<(), MarkError> {
    let database = &state.database;
    let items = database.run_autocommit("account_hearts", move |connection| {
        Box::pin(db::items_with_heart(connection, member))
    });
    for item in items.await? {
        ignore_deleted(take_heart(database, member, item).await)?;
    }
    let stores = database.run_autocommit("account_follows", move |connection| {
        Box::pin(db::followed_stores(connection, member))
    });
    for store in stores.await? {
        ignore_deleted(unfollow(database, member, store).await)?;
    }
    let name = placeholder.to_owned();
    let clear = database.run_tx("account_forget", move |connection| {
        let name = name.clone();
        Box::pin(async move {
            db::clear_items(connection, member).await?;
            db::clear_stores(connection, member, &name).await?;
            idempotency::forget(connection, member).await
        })
    });
    Ok(clear.await?)
}

/// An item or a store that was deleted meanwhile has no marks any more.
fn ignore_deleted(result: Result<(), MarkError>) -> Result<(), MarkError> {
    match result {
        Err(MarkError::NotFound) => Ok(()),
        other => other,
    }
}
