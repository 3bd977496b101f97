use clock::Clock;
use database::Database;
use idempotency::{KeepError, KeptAnswer, Reply};
use uuid::Uuid;

use super::edited_option::{EditedOption, update_item};
use super::own_item::lock_own_item;
use super::{OptionEdit, StockOutOfRange, db};
use crate::db::on_duplicate;
use crate::shared::{EditError, EditTransaction, SellerEdit};

/// Why an option was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditOptionError {
    /// The item can't be edited now, or not by this seller.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The item has no such option.
    #[error("the item has no such option")]
    NoOption,
    /// Another live option of the item has the name.
    #[error("the option's name is taken")]
    NameTaken,
    /// The stock would leave its range.
    #[error("the stock would leave its range")]
    StockOutOfRange(#[source] StockOutOfRange),
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("editing an option failed in the database")]
    Database(#[from] sqlx::Error),
}

/// Edits an option of a seller's item, and answers.
pub async fn edit_option(
    database: &Database,
    clock: &Clock,
    edit: SellerEdit,
    (item_id, option_id): (Uuid, Uuid),
    change: OptionEdit,
    reply: Reply<EditedOption>,
) -> Result<KeptAnswer, EditOptionError> {
    edit.run_answered(database, clock, "edit_option", change, reply, move |transaction, change| {
        Box::pin(edit_in(transaction, (item_id, option_id), change))
    })
    .await
}

async fn edit_in(
    transaction: EditTransaction<'_>,
    (item_id, option_id): (Uuid, Uuid),
    change: &OptionEdit,
) -> Result<EditedOption, EditOptionError> {
    let EditTransaction { connection, edit, now } = transaction;
    let item = lock_own_item(connection, edit, item_id).await?;
    let option = db::options::lock(connection, option_id, item_id).await?.ok_or(EditOptionError::NoOption)?;
    let edited = change.apply(&option).map_err(EditOptionError::StockOutOfRange)?;
    db::options::update(connection, &edited, edited.on_hand - option.on_hand, now)
        .await
        .map_err(on_duplicate(db::options::NAME_KEY, EditOptionError::NameTaken))?;
    let item = update_item(connection, item, now).await?;
    Ok(EditedOption { option: edited, item_tag: item.entity_tag() })
}
