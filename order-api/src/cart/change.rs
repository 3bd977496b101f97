//! Changing a cart. The client sends an option and a quantity; names, price and seller come from the store.

use access::MemberId;
use service_client::CallError;
use uuid::Uuid;

use super::line::OptionState;
use super::redis::{CartsDown, NewLine, PutError};
use super::view::{CartView, ViewError, look_up, show_changed_cart};
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

/// How the quantity of a line is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The pieces are added to those in the cart.
    Add,
    /// The pieces replace those in the cart.
    Set,
}

/// Puts pieces of an option into a cart.
pub async fn put_line(
    app: &AppState,
    customer: MemberId,
    option_id: Uuid,
    quantity: Quantity,
    how: Put,
) -> Result<CartView, ChangeError> {
    let state = look_up(app, vec![option_id]).await?.remove(&option_id);
    let Some(OptionState::OnSale(option)) = state else { return Err(ChangeError::NoOption) };
    let line = NewLine {
        option_id,
        quantity,
        line_version: app.clock.new_id(),
        seen: option.first_seen(),
        added_at: app.clock.now(),
    };
    let cart = match how {
        Put::Add => app.carts.add(customer, &line).await?,
        Put::Set => app.carts.set(customer, &line).await?,
    };
    Ok(show_changed_cart(app, &cart).await?)
}

/// Removes an option from a cart. Does nothing if the option is not in the cart.
pub async fn remove_line(app: &AppState, customer: MemberId, option_id: Uuid) -> Result<CartView, ViewError> {
    let cart = app.carts.remove(customer, option_id).await?;
    show_changed_cart(app, &cart).await
}

/// Removes all lines from a cart.
pub async fn clear_cart(app: &AppState, customer: MemberId) -> Result<(), CartsDown> {
    app.carts.clear(customer).await
}
