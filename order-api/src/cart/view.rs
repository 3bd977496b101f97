//! Showing a cart, compared with the options as the stores sell them now. It changes nothing.

use std::collections::HashMap;

use access::MemberId;
use money::Won;
use service_client::CallError;
use store_client::{Gone, OptionOnSale, OptionsFound};
use uuid::Uuid;

use super::comparison::{ComparedLine, Message, compare};
use super::line::{CartLine, OptionNow, OptionState};
use super::redis::{Cart, CartsDown};
use super::version::CartVersion;
use crate::state::AppState;

/// A cart as its customer sees it.
#[derive(Clone, Debug)]
pub struct CartView {
    /// The version.
    pub version: CartVersion,
    /// The lines whose options are on sale, also those that are sold out.
    pub lines: Vec<LineView>,
    /// What has changed since the customer last acknowledged it, and where fewer pieces are available than the customer wants.
    pub messages: Vec<Message>,
    /// The sum of the lines.
    pub total: Won,
}

/// A cart line as its customer sees it.
#[derive(Clone, Debug)]
pub struct LineView {
    /// The line.
    pub line: CartLine,
    /// The option.
    pub option: OptionNow,
    /// Price times quantity.
    pub total: Won,
}

/// Why a cart cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Redis does not answer.
    #[error(transparent)]
    Carts(#[from] CartsDown),
    /// store-api does not answer.
    #[error("the options could not be read from store-api")]
    Store(#[from] CallError),
    /// The sum of the lines does not fit into 64 bits.
    #[error("the cart's total does not fit into 64 bits")]
    TooExpensive,
}

/// Shows a customer the cart.
pub async fn view_cart(app: &AppState, customer: MemberId) -> Result<CartView, ViewError> {
    show_cart(app, &app.carts.read(customer).await?).await
}

/// Shows a cart that was just read or changed.
pub(crate) async fn show_cart(app: &AppState, cart: &Cart) -> Result<CartView, ViewError> {
    CartView::of(compare_lines(app, cart).await?)
}

/// Compares all lines of a cart with their options.
pub(crate) async fn compare_lines(app: &AppState, cart: &Cart) -> Result<Vec<ComparedLine>, CallError> {
    let lines: Vec<CartLine> = cart.lines().cloned().collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut states = look_up(app, lines.iter().map(|line| line.option_id).collect()).await?;
    let compared = lines.into_iter().map(|line| {
        // An option that store-api does not know is treated as deleted.
        let state = states.remove(&line.option_id).unwrap_or(OptionState::ItemDeleted);
        compare(line, state)
    });
    Ok(compared.collect())
}

/// The states of these options, by id.
pub(crate) async fn look_up(
    app: &AppState,
    option_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, OptionState>, CallError> {
    let OptionsFound { options, deleted } = app.store.look_up(option_ids).await?;
    let gone = deleted.into_iter().map(|option| {
        let state = match option.gone {
            Gone::Item => OptionState::ItemDeleted,
            Gone::Option => OptionState::OptionDeleted,
        };
        (option.option_id, state)
    });
    let on_sale =
        options.into_iter().map(|option| (option.option_id, OptionState::OnSale(option_now(option))));
    Ok(on_sale.chain(gone).collect())
}

fn option_now(option: OptionOnSale) -> OptionNow {
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
    /// A cart without lines.
    pub fn empty() -> Self {
        Self { version: CartVersion::of(&[]), lines: Vec::new(), messages: Vec::new(), total: Won::ZERO }
    }

    fn of(compared: Vec<ComparedLine>) -> Result<Self, ViewError> {
        let mut view = Self { version: CartVersion::of(&compared), ..Self::empty() };
        for ComparedLine { line, state, messages } in compared {
            view.messages.extend(messages);
            let OptionState::OnSale(option) = state else { continue };
            let total =
                option.price.checked_mul(line.quantity.get().into()).ok_or(ViewError::TooExpensive)?;
            view.total = view.total.checked_add(total).ok_or(ViewError::TooExpensive)?;
            view.lines.push(LineView { line, option, total });
        }
        Ok(view)
    }
}
