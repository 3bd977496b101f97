use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use super::edit_option::{EditedOption, touch};
use super::{MAX_OPTIONS, NewOption, db};
use crate::db::is_duplicate;
use crate::shared::Expected;

/// Why an option was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddOptionError {
    /// The seller has no such item.
    #[error("the seller has no such item")]
    NotFound,
    /// The item is at another version than the seller saw.
    #[error("the item has changed meanwhile")]
    Changed,
    /// A live option of the item has the name.
    #[error("the option's name is taken")]
    NameTaken,
    /// The item has as many options as it can have.
    #[error("the item has {MAX_OPTIONS} options")]
    TooMany,
    /// The database failed.
    #[error("adding an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Adds an option to a seller's item.
pub async fn add_option(
    database: &Database,
    clock: &Clock,
    seller: MemberId,
    item_id: Uuid,
    expected: Expected,
    option: NewOption,
) -> Result<EditedOption, AddOptionError> {
    let (now, wish) = (clock.now(), Arc::new((expected, [(clock.new_id(), option)])));
    database
        .run_tx("add_option", move |tx| {
            let wish = Arc::clone(&wish);
            Box::pin(async move { add_in(tx, seller, item_id, &wish.0, &wish.1, now).await })
        })
        .await
}

async fn add_in(
    tx: &mut Connection,
    seller: MemberId,
    item_id: Uuid,
    expected: &Expected,
    option: &[(Uuid, NewOption); 1],
    now: OffsetDateTime,
) -> Result<EditedOption, AddOptionError> {
    let item = db::items::lock_owned(tx, item_id, seller.0).await?.ok_or(AddOptionError::NotFound)?;
    if !expected.allows(item.version) {
        return Err(AddOptionError::Changed);
    }
    if db::options::of_item(tx, item_id).await?.len() >= MAX_OPTIONS {
        return Err(AddOptionError::TooMany);
    }
    db::options::insert(tx, item_id, option, now).await.map_err(|error| {
        if is_duplicate(&error, db::options::NAME_KEY) { AddOptionError::NameTaken } else { error.into() }
    })?;
    let (item, options) = touch(tx, item, now).await?;
    let option = options.into_iter().next_back().ok_or(sqlx::Error::RowNotFound)?;
    Ok(EditedOption { option, item_version: item.version })
}
