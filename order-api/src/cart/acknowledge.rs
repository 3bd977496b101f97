//! Acknowledging the messages of a cart.

use access::MemberId;
use idempotency::Operation;
use service_client::CallError;

use super::comparison::Message;
use super::redis::CartsDown;
use super::version::CartVersion;
use super::view::{CartView, ViewError, compare_lines, show_cart};
use crate::state::AppState;

/// Why messages were not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// The cart has another version now. Nothing was changed.
    #[error("the cart has another version")]
    Changed(Vec<Message>),
    /// The cart cannot be read, compared or shown.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// Acknowledges what the customer was shown at `version` of the cart: the lines get the names and prices of that version, and lines
/// of deleted options leave the cart.
pub async fn acknowledge_messages(
    app: &AppState,
    customer: MemberId,
    version: &str,
    operation: Option<Operation>,
) -> Result<CartView, AcknowledgeError> {
    let cart = app.carts.read(customer).await?;
    // An earlier attempt may have changed the version.
    if let Some(operation) = operation.as_ref().filter(|operation| operation.begun_before)
        && app.carts.was_done(customer, operation.id).await?
    {
        return Ok(show_cart(app, &cart).await?);
    }
    let compared = compare_lines(app, &cart).await?;
    if CartVersion::of(&compared).as_str() != version {
        let messages = compared.into_iter().flat_map(|line| line.messages).collect();
        return Err(AcknowledgeError::Changed(messages));
    }
    let cart =
        app.carts.acknowledge(customer, &cart, &compared, operation.map(|operation| operation.id)).await?;
    Ok(show_cart(app, &cart).await?)
}

impl From<CartsDown> for AcknowledgeError {
    fn from(error: CartsDown) -> Self {
        Self::View(error.into())
    }
}

impl From<CallError> for AcknowledgeError {
    fn from(error: CallError) -> Self {
        Self::View(error.into())
    }
}
