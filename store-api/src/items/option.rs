//! Rules: the options of an item.

use std::collections::HashSet;

use money::Won;
use uuid::Uuid;

use super::{OnHand, Price, StockChange, StockOutOfRange};
use crate::shared::OptionName;

/// An option of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemOption {
    /// Its id. No edit changes it.
    pub id: Uuid,
    /// Its name, as the seller wrote it.
    pub name: String,
    /// The key of the name. Two names with the same key are the same name.
    pub name_key: String,
    /// The price of a piece.
    pub price: Won,
    /// How many pieces can be bought now.
    pub on_hand: i64,
}

/// The most options that an item can have.
pub const MAX_OPTIONS: usize = 100;

/// The index of the first name that is the same as an earlier one.
pub fn first_repeated<'a>(names: impl IntoIterator<Item = &'a OptionName>) -> Option<usize> {
    let mut keys = HashSet::new();
    names.into_iter().position(|name| !keys.insert(name.key()))
}

/// A new option.
#[derive(Clone, Debug)]
pub struct NewOption {
    /// Its name.
    pub name: OptionName,
    /// The price of a piece.
    pub price: Price,
    /// How many pieces are on hand.
    pub quantity: OnHand,
}

/// A change of an option by its seller. `None` changes nothing.
#[derive(Clone, Debug, Default)]
pub struct OptionEdit {
    /// The new name.
    pub name: Option<OptionName>,
    /// The new price. Existing orders keep the old price.
    pub price: Option<Price>,
    /// The change of the stock.
    pub stock: Option<StockChange>,
}

impl OptionEdit {
    /// The option after the change.
    pub fn apply(&self, option: &ItemOption) -> Result<ItemOption, StockOutOfRange> {
        let mut edited = option.clone();
        if let Some(name) = &self.name {
            name.replace(&mut edited.name, &mut edited.name_key);
        }
        if let Some(price) = self.price {
            edited.price = price.amount();
        }
        if let Some(change) = self.stock {
            edited.on_hand = change.apply(option.on_hand)?.pieces();
        }
        Ok(edited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_name_that_reads_like_another_is_found() {
        let names =
            |names: &[&str]| names.iter().map(|name| OptionName::parse(name).unwrap()).collect::<Vec<_>>();
        assert_eq!(first_repeated(&names(&["1호", "2호"])), None);
        assert_eq!(first_repeated(&names(&["Size S", "2호", "size  s"])), Some(2));
    }
}
