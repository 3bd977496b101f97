use std::collections::HashSet;

use money::Won;
use uuid::Uuid;

use super::{OnHand, Price, StockChange, StockOutOfRange};
use crate::shared::OptionName;

/// An option as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemOption {
    /// Its id, the same through every edit.
    pub id: Uuid,
    /// As its seller wrote it.
    pub name: String,
    /// What decides whether another name is the same.
    pub name_key: String,
    /// What a piece costs.
    pub price: Won,
    /// How many pieces can be bought now.
    pub on_hand: i64,
}

/// The most options that an item has.
pub const MAX_OPTIONS: usize = 100;

/// Where the first name stands that reads like another one before it.
pub fn first_repeated<'a>(names: impl IntoIterator<Item = &'a OptionName>) -> Option<usize> {
    let mut keys = HashSet::new();
    names.into_iter().position(|name| !keys.insert(name.key()))
}

/// What a seller adds an option with.
#[derive(Clone, Debug)]
pub struct NewOption {
    /// Its name.
    pub name: OptionName,
    /// What a piece costs.
    pub price: Price,
    /// How many pieces there are.
    pub quantity: OnHand,
}

/// What a seller changes of an option; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct OptionEdit {
    /// Another name.
    pub name: Option<OptionName>,
    /// Another price; orders that were placed keep theirs.
    pub price: Option<Price>,
    /// Another stock.
    pub stock: Option<StockChange>,
}

impl OptionEdit {
    /// The option afterwards.
    pub fn apply(&self, option: &ItemOption) -> Result<ItemOption, StockOutOfRange> {
        let mut edited = option.clone();
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut edited.name);
            name.key().clone_into(&mut edited.name_key);
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
