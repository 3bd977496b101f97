//! Removing the personal data of a member whose account is closed. What was bought, sold and paid stays.

use access::MemberId;

use super::db;
use crate::cart::CartsDown;
use crate::state::AppState;

/// Why not all of it was removed. Asking again removes the rest.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForgetError {
    /// Redis does not answer.
    #[error(transparent)]
    Carts(#[from] CartsDown),
    /// The database failed.
    #[error("the personal data of a member could not be removed")]
    Database(#[from] sqlx::Error),
}

impl From<ForgetError> for problem::Problem {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Carts(down) => down.into(),
            ForgetError::Database(_) => Self::database(error),
        }
    }
}

/// Replaces the name in the sales of sellers, and removes the reasons that the member has written, the answers to the
/// member's requests, and the cart.
pub(super) async fn forget(app: &AppState, member: MemberId, placeholder: &str) -> Result<(), ForgetError> {
    let name = placeholder.to_owned();
    app.database
        .run_tx("account_forget", move |connection| {
            let name = name.clone();
            Box::pin(async move {
                db::replace_customer_name(connection, member, &name).await?;
                db::remove_refund_reasons(connection, member).await?;
                db::remove_reasons_of_changes(connection, member).await?;
                idempotency::forget(connection, member).await
            })
        })
        .await?;
    Ok(app.carts.clear(member).await?)
}
