//! Choosing the lines of a cart that are ordered, and refusing an order for anything else than the customer has seen.

use std::collections::HashSet;

use service_client::CallError;
use uuid::Uuid;

use crate::cart::Cart;
use crate::cart::comparison::{ComparedLine, Message, not_in_cart};
use crate::cart::line::{CartLine, OptionNow};
use crate::cart::version::CartVersion;
use crate::cart::view::{compare_lines, look_up};
use crate::state::AppState;

/// What a customer wants to order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'request> {
    /// The options; all in the cart if `None`.
    pub option_ids: Option<&'request [Uuid]>,
    /// The version of the cart that the customer has seen. It acknowledges the messages of that version.
    pub cart_version: Option<&'request str>,
}

/// The lines to order.
#[derive(Clone, Debug)]
pub(super) struct ChosenLines {
    /// The lines, with their options as they are sold now.
    pub(super) lines: Vec<(CartLine, OptionNow)>,
    /// The lines of the cart whose messages the customer has acknowledged with the order.
    pub(super) acknowledged: Vec<ComparedLine>,
}

/// Why the lines cannot be ordered.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChooseError {
    /// There is nothing to order.
    #[error("there is nothing to order")]
    NothingChosen,
    /// The lines are not what the customer has seen.
    #[error("the lines are not what the customer has seen")]
    Changed(Vec<Message>),
    /// store-api does not answer.
    #[error("the options could not be read from store-api")]
    Store(#[from] CallError),
}

/// The chosen lines of a cart, if they are what the customer has seen.
pub(super) async fn choose_lines(
    app: &AppState,
    cart: &Cart,
    choice: Choice<'_>,
) -> Result<ChosenLines, ChooseError> {
    let compared = compare_lines(app, cart).await?;
    let missing = missing_options(app, &compared, choice).await?;
    let is_chosen = |line: &&ComparedLine| {
        choice.option_ids.is_none_or(|option_ids| option_ids.contains(&line.line.option_id))
    };
    let chosen = compared.iter().filter(is_chosen);
    let is_as_seen = match choice.cart_version {
        Some(version) => CartVersion::of(&compared).as_str() == version,
        None => !chosen.clone().any(ComparedLine::has_changed),
    };
    // A deleted option can't be ordered, even if the customer has seen that it is deleted. If all lines are ordered, it is
    // skipped; if it was chosen, the order is refused.
    let is_on_sale = choice.option_ids.is_none() || chosen.clone().all(|line| line.option().is_some());
    if !is_as_seen || !is_on_sale || !missing.is_empty() {
        let messages = chosen.flat_map(|line| line.messages.iter().cloned());
        return Err(ChooseError::Changed(messages.chain(missing).collect()));
    }
    let lines: Vec<(CartLine, OptionNow)> =
        chosen.filter_map(|line| Some((line.line.clone(), line.option()?.clone()))).collect();
    if lines.is_empty() {
        return Err(ChooseError::NothingChosen);
    }
    let acknowledged = if choice.cart_version.is_some() { compared } else { Vec::new() };
    Ok(ChosenLines {
        lines,
        acknowledged: acknowledged.into_iter().filter(ComparedLine::has_changed).collect(),
    })
}

/// A message for each chosen option that is not in the cart.
async fn missing_options(
    app: &AppState,
    compared: &[ComparedLine],
    choice: Choice<'_>,
) -> Result<Vec<Message>, CallError> {
    let in_cart: HashSet<Uuid> = compared.iter().map(|line| line.line.option_id).collect();
    let mut missing: Vec<Uuid> = choice.option_ids.unwrap_or_default().to_vec();
    missing.retain(|option_id| !in_cart.contains(option_id));
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut states = look_up(app, missing.clone()).await?;
    Ok(missing.into_iter().map(|option_id| not_in_cart(option_id, states.remove(&option_id))).collect())
}
