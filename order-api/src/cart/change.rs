//! Changing a cart. The client sends an option and a quantity; names, price and seller come from the store.

use access::MemberId;
use idempotency::Operation;
use service_client::CallError;
use uuid::Uuid;

use super::line::OptionState;
use super::redis::{CartsDown, NewLine, PutError};
use super::view::{CartView, ViewError, look_up, show_cart};
use crate::quantity::Quantity;
use crate::state::AppState;

/// Why a cart was not changed, or cannot be shown after the change.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The option is not on sale.
    #[error("there is no such option on sale")]
    NoOption,
    /// The cart is full, the quantity is too large, or Redis does not answer.
    #[error(transparent)]
    Put(#[from] PutError),
    /// store-api does not answer.
    #[error("the options could not be read from store-api")]
    Store(#[from] CallError),
    /// The changed cart cannot be shown.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// Adds pieces of an option to those in a cart. An `operation` adds them once, however often it is tried.
pub async fn add_to_line(
    app: &AppState,
    customer: MemberId,
    option_id: Uuid,
    quantity: Quantity,
    operation: Option<Operation>,
) -> Result<CartView, ChangeError> {
    let line = new_line(app, option_id, quantity).await?;
    let cart = app.carts.add(customer, &line, operation.map(|operation| operation.id)).await?;
    Ok(show_cart(app, &cart).await?)
}

/// Sets the pieces of an option in a cart.
pub async fn set_line(
    app: &AppState,
    customer: MemberId,
    option_id: Uuid,
    quantity: Quantity,
) -> Result<CartView, ChangeError> {
    let line = new_line(app, option_id, quantity).await?;
    let cart = app.carts.set(customer, &line).await?;
    Ok(show_cart(app, &cart).await?)
}

async fn new_line(app: &AppState, option_id: Uuid, quantity: Quantity) -> Result<NewLine, ChangeError> {
    let state = look_up(app, vec![option_id]).await?.remove(&option_id);
    let Some(OptionState::OnSale(option)) = state else { return Err(ChangeError::NoOption) };
    Ok(NewLine {
        option_id,
        quantity,
        line_version: app.clock.new_id(),
        seen: option.as_seen(),
        added_at: app.clock.now(),
    })
}

/// Removes an option from a cart. Does nothing if the option is not in the cart.
pub async fn remove_line(app: &AppState, customer: MemberId, option_id: Uuid) -> Result<CartView, ViewError> {
    let cart = app.carts.remove(customer, option_id).await?;
    show_cart(app, &cart).await
}

/// Removes all lines from a cart.
pub async fn clear_cart(app: &AppState, customer: MemberId) -> Result<(), CartsDown> {
    app.carts.clear(customer).await
}
