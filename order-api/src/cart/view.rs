//! Comparing a cart with the store as it is now.

use std::collections::HashMap;

use access::MemberId;
use money::Won;
use peer::PeerError;
use store_client::{Gone, OptionOnSale, OptionsFound};
use uuid::Uuid;

use super::comparison::{Compared, Message, compare};
use super::line::{CartLine, OptionNow, OptionState};
use super::redis::{Cart, CartsDown};
use crate::state::AppState;

/// A cart as its customer sees it.
#[derive(Clone, Debug, Default)]
pub struct CartView {
    /// What can still be bought, sold out or not.
    pub lines: Vec<LineView>,
    /// What has changed since the customer last looked.
    pub messages: Vec<Message>,
    /// What the lines cost.
    pub total: Won,
}

/// A line of a cart as its customer sees it.
#[derive(Clone, Debug)]
pub struct LineView {
    /// What is wanted.
    pub line: CartLine,
    /// What is sold.
    pub option: OptionNow,
    /// What the line costs.
    pub total: Won,
}

/// Why a cart can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Redis is out of reach.
    #[error(transparent)]
    Carts(#[from] CartsDown),
    /// store-api gave no answer.
    #[error("what the store sells is not known")]
    Store(#[from] PeerError),
    /// Prices that add up to more than there are numbers.
    #[error("the cart's total does not fit into 64 bits")]
    TooExpensive,
}

/// Shows a customer their cart. What they are told of it is folded in: it is not told again.
pub async fn view_cart(app: &AppState, customer: MemberId) -> Result<CartView, ViewError> {
    let cart = app.carts.read(customer).await?;
    let compared = compare_lines(app, cart.lines().cloned().collect()).await?;
    app.carts.fold(customer, &cart, &compared).await?;
    CartView::of(compared)
}

/// Shows a cart after a change of it. Nothing is folded in: only reading a cart shows that its customer has looked.
pub(crate) async fn preview_cart(app: &AppState, cart: &Cart) -> Result<CartView, ViewError> {
    CartView::of(compare_lines(app, cart.lines().cloned().collect()).await?)
}

/// Compares lines with the store as it is now.
pub(crate) async fn compare_lines(app: &AppState, lines: Vec<CartLine>) -> Result<Vec<Compared>, PeerError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut states = look_up(app, lines.iter().map(|line| line.option_id).collect()).await?;
    let compared = lines.into_iter().map(|line| {
        // An option that store-api has never heard of is gone, whoever put it here.
        let state = states.remove(&line.option_id).unwrap_or(OptionState::ItemDeleted);
        compare(line, state)
    });
    Ok(compared.collect())
}

/// What these options are now, by id.
pub(crate) async fn look_up(
    app: &AppState,
    option_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, OptionState>, PeerError> {
    let OptionsFound { options, deleted } = app.store.look_up(option_ids).await?;
    let gone = deleted.into_iter().map(|option| {
        let state = match option.gone {
            Gone::Item => OptionState::ItemDeleted,
            Gone::Option => OptionState::OptionDeleted,
        };
        (option.option_id, state)
    });
    let on_sale = options.into_iter().map(|option| (option.option_id, OptionState::OnSale(now(option))));
    Ok(on_sale.chain(gone).collect())
}

fn now(option: OptionOnSale) -> OptionNow {
    OptionNow {
        item_id: option.item_id,
        item_name: option.item_name,
        option_name: option.option_name,
        store_id: option.store_id,
        store_name: option.store_name,
        seller_id: MemberId(option.seller_id),
        price: option.price,
        available: u32::try_from(option.quantity.max(0)).unwrap_or(u32::MAX),
    }
}

impl CartView {
    fn of(compared: Vec<Compared>) -> Result<Self, ViewError> {
        let mut view = Self::default();
        for Compared { now, messages, .. } in compared {
            view.messages.extend(messages);
            let Some((line, option)) = now else { continue };
            let total =
                option.price.checked_mul(line.quantity.get().into()).ok_or(ViewError::TooExpensive)?;
            view.total = view.total.checked_add(total).ok_or(ViewError::TooExpensive)?;
            view.lines.push(LineView { line, option, total });
        }
        Ok(view)
    }
}
