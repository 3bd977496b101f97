//! The request for options, and its answer.

use garde::Validate;
use money::Won;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request for the current state of options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookUpRequest {
    /// The ids of the options, in any order.
    #[garde(length(min = 1, max = 100))]
    pub option_ids: Vec<Uuid>,
}

/// The options that were found. An id that no option ever had is in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionsFound {
    /// Those on sale, including those that are sold out.
    pub options: Vec<OptionOnSale>,
    /// Those that were deleted.
    pub deleted: Vec<DeletedOption>,
}

/// An option on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionOnSale {
    /// The id of the option.
    pub option_id: Uuid,
    /// The item of the option.
    pub item_id: Uuid,
    /// The store of the item.
    pub store_id: Uuid,
    /// The owner of the store.
    pub seller_id: Uuid,
    /// The name of the store.
    pub store_name: String,
    /// The name of the item.
    pub item_name: String,
    /// The name of the option.
    pub option_name: String,
    /// The price of a piece in won.
    pub price: Won,
    /// How many pieces can be bought now.
    pub quantity: i64,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gone {
    /// The item of the option, or its store.
    Item,
    /// Only the option.
    Option,
}

/// An option that was deleted, alone or with its item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedOption {
    /// The id of the option.
    pub option_id: Uuid,
    /// The item of the option.
    pub item_id: Uuid,
    /// What was deleted.
    pub gone: Gone,
    /// The last name of the store.
    pub store_name: String,
    /// The last name of the item.
    pub item_name: String,
    /// The last name of the option.
    pub option_name: String,
}
