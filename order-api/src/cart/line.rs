//! What a customer wants to buy, and what they last saw of it.

use access::MemberId;
use money::Won;
use uuid::Uuid;

use crate::quantity::Quantity;

/// A cart has at most so many lines.
pub const MAX_LINES: usize = 100;

/// An option and a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// The option that is wanted.
    pub option_id: Uuid,
    /// How many of it.
    pub quantity: Quantity,
    /// Which wish this is. A line that was removed and put back, or set to another quantity, is another wish, and what
    /// was ordered of the first is not taken off the second.
    pub wish: Uuid,
    /// What the customer last saw.
    pub seen: Seen,
}

/// What a customer last saw of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The option's item.
    pub item_id: Uuid,
    /// The item's name.
    pub item_name: String,
    /// The option's name.
    pub option_name: String,
    /// The price of one piece.
    pub price: Won,
    /// Whether the customer was told that there is nothing left.
    pub sold_out: bool,
}

/// An option as its store sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionNow {
    /// The option's item.
    pub item_id: Uuid,
    /// The item's name.
    pub item_name: String,
    /// The option's name.
    pub option_name: String,
    /// The item's store.
    pub store_id: Uuid,
    /// The store's name.
    pub store_name: String,
    /// Whose store it is, and who is paid.
    pub seller_id: MemberId,
    /// The price of one piece.
    pub price: Won,
    /// How many can be bought now.
    pub available: u32,
}

/// What became of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionState {
    /// It is on sale.
    OnSale(OptionNow),
    /// Its item is still there, without it.
    OptionDeleted,
    /// Its item or its whole store is gone.
    ItemDeleted,
}

impl OptionNow {
    /// What a customer sees who looks at it for the first time.
    pub fn first_seen(&self) -> Seen {
        Seen {
            item_id: self.item_id,
            item_name: self.item_name.clone(),
            option_name: self.option_name.clone(),
            price: self.price,
            sold_out: false,
        }
    }
}
