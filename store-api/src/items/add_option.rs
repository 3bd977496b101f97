use clock::Clock;
use database::Database;
use idempotency::{KeepError, KeptAnswer, Reply};
use uuid::Uuid;

use super::edited_option::{EditedOption, update_item};
use super::own_item::lock_own_item;
use super::{MAX_OPTIONS, NewOption, db};
use crate::db::on_duplicate;
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Why an option was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddOptionError {
    /// The item can't be edited now, or not by this seller.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A live option of the item has the name.
    #[error("the option's name is taken")]
    NameTaken,
    /// The item has as many options as it can have.
    #[error("the item has {MAX_OPTIONS} options")]
    TooMany,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("adding an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Adds an option to a seller's item, and answers.
pub async fn add_option(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    item_id: Uuid,
    option: NewOption,
    reply: Reply<EditedOption>,
) -> Result<KeptAnswer, AddOptionError> {
    let option = [(clock.new_id(), option)];
    edit.run_answered(database, clock, "add_option", option, reply, move |transaction, option| {
        Box::pin(add_in(transaction, item_id, option))
    })
    .await
}

async fn add_in(
    transaction: EditTransaction<'_>,
    item_id: Uuid,
    option: &[(Uuid, NewOption); 1],
) -> Result<EditedOption, AddOptionError> {
    let EditTransaction { connection, edit, now } = transaction;
    let item = lock_own_item(connection, edit, item_id).await?;
    if db::options::of_item(connection, item_id).await?.len() >= MAX_OPTIONS {
        return Err(AddOptionError::TooMany);
    }
    db::options::insert(connection, item_id, option, now)
        .await
        .map_err(on_duplicate(db::options::NAME_KEY, AddOptionError::NameTaken))?;
    let mut item = update_item(connection, item, now).await?;
    let item_tag = item.entity_tag();
    let option = item.options.pop().ok_or(sqlx::Error::RowNotFound)?;
    Ok(EditedOption { option, item_tag })
}
