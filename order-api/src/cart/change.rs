//! Changing a cart. The client says which option and how many; everything else is what the store says.

use access::MemberId;
use peer::PeerError;
use uuid::Uuid;

use super::line::OptionState;
use super::redis::{CartsDown, NewLine, PutError};
use super::view::{CartView, ViewError, look_up, preview_cart};
use crate::quantity::Quantity;
use crate::state::AppState;

/// Why a cart was not changed, or can't be shown after it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such option on sale.
    #[error("there is no such option on sale")]
    NoOption,
    /// The cart or the line can't hold more, or Redis is out of reach.
    #[error(transparent)]
    Put(#[from] PutError),
    /// store-api gave no answer.
    #[error("what the store sells is not known")]
    Store(#[from] PeerError),
    /// The changed cart can't be shown.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// How pieces are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// To those that are in.
    Add,
    /// In place of those that are in.
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
        wish: app.clock.new_id(),
        seen: option.first_seen(),
        at: app.clock.now(),
    };
    let cart = match how {
        Put::Add => app.carts.add(customer, &line).await?,
        Put::Set => app.carts.set(customer, &line).await?,
    };
    Ok(preview_cart(app, &cart).await?)
}

/// Takes an option out of a cart; one that is not in is out already.
pub async fn remove_line(app: &AppState, customer: MemberId, option_id: Uuid) -> Result<CartView, ViewError> {
    let cart = app.carts.remove(customer, option_id).await?;
    preview_cart(app, &cart).await
}

/// Takes everything out of a cart.
pub async fn clear_cart(app: &AppState, customer: MemberId) -> Result<(), CartsDown> {
    app.carts.clear(customer).await
}
