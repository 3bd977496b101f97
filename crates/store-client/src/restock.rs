//! The request for a restock, and its answer.

use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request to put pieces that an order has bought back on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestockRequest {
    /// The order, whose reservation was confirmed.
    #[garde(skip)]
    pub order_id: Uuid,
    /// The option that it has bought.
    #[garde(skip)]
    pub option_id: Uuid,
    /// How many pieces come back. All restocks of a line together are no more than the order has bought.
    #[garde(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// A restock that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restock {
    /// Its id, which the caller has made.
    pub id: Uuid,
    /// The order that has bought the pieces.
    pub order_id: Uuid,
    /// The option.
    pub option_id: Uuid,
    /// How many.
    pub quantity: i64,
}
