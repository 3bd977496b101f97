//! Options on the wire.

use garde::Validate;
use money::Won;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks what these options are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookUpRequest {
    /// Which; in any order.
    #[garde(length(min = 1, max = 100))]
    pub option_ids: Vec<Uuid>,
}

/// What was found. An id that no option ever had is in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionsFound {
    /// What can be bought, sold out or not.
    pub options: Vec<OptionOnSale>,
    /// What could be bought once.
    pub deleted: Vec<DeletedOption>,
}

/// An option on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionOnSale {
    /// Its id.
    pub option_id: Uuid,
    /// The item that has it.
    pub item_id: Uuid,
    /// The store that has the item.
    pub store_id: Uuid,
    /// Whose the store is.
    pub seller_id: Uuid,
    /// The store's name.
    pub store_name: String,
    /// The item's name.
    pub item_name: String,
    /// Its own name.
    pub option_name: String,
    /// What a piece costs, in won.
    pub price: Won,
    /// How many pieces can be bought now.
    pub quantity: i64,
}

/// What of an option is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gone {
    /// Its item, or the whole store.
    Item,
    /// The option alone.
    Option,
}

/// An option that was deleted, alone or with its item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedOption {
    /// Its id.
    pub option_id: Uuid,
    /// The item that had it.
    pub item_id: Uuid,
    /// What was deleted.
    pub gone: Gone,
    /// The store's last name.
    pub store_name: String,
    /// The item's last name.
    pub item_name: String,
    /// Its own last name.
    pub option_name: String,
}
