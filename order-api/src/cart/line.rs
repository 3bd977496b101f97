//! Rules: a cart line, and an option as its store sells it.

use access::MemberId;
use money::Won;
use uuid::Uuid;

use crate::quantity::Quantity;

/// The largest number of lines in a cart.
pub const MAX_LINES: usize = 100;

/// An option and a quantity, with what the customer last acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// The option.
    pub option_id: Uuid,
    /// How many pieces the customer wants. It does not depend on how many are available.
    pub quantity: Quantity,
    /// The version of the line. A line gets a new one when it is added and when its quantity is set. A version is in one order
    /// that has not failed, and an order removes from the cart only the version that was ordered.
    pub line_version: Uuid,
    /// What the customer last acknowledged of the option.
    pub seen: Seen,
}

/// What a customer last acknowledged of an option: when they put it into the cart, or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The item of the option.
    pub item_id: Uuid,
    /// The item's name.
    pub item_name: String,
    /// The option's name.
    pub option_name: String,
    /// The price of one piece.
    pub price: Won,
}

/// An option as its store sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionNow {
    /// The item of the option.
    pub item_id: Uuid,
    /// The item's name.
    pub item_name: String,
    /// The option's name.
    pub option_name: String,
    /// The item's store.
    pub store_id: Uuid,
    /// The store's name.
    pub store_name: String,
    /// The owner of the store, who is paid.
    pub seller_id: MemberId,
    /// The price of one piece.
    pub price: Won,
    /// How many pieces can be bought now.
    pub available: u32,
}

/// The state of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionState {
    /// The option is on sale.
    OnSale(OptionNow),
    /// The option was deleted, but not its item.
    OptionDeleted,
    /// The item or the store was deleted.
    ItemDeleted,
}

impl OptionNow {
    /// What a customer sees who looks at the option now.
    pub fn as_seen(&self) -> Seen {
        Seen {
            item_id: self.item_id,
            item_name: self.item_name.clone(),
            option_name: self.option_name.clone(),
            price: self.price,
        }
    }
}
