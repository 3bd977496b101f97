//! Restocks on the wire.

use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks to put pieces that an order had bought back on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestockRequest {
    /// The order, whose reservation was confirmed.
    #[garde(skip)]
    pub order_id: Uuid,
    /// The option that it bought.
    #[garde(skip)]
    pub option_id: Uuid,
    /// How many pieces come back; with earlier ones, no more than it bought.
    #[garde(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// Pieces that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restock {
    /// The caller's id of it.
    pub id: Uuid,
    /// The order that had bought them.
    pub order_id: Uuid,
    /// The option.
    pub option_id: Uuid,
    /// How many.
    pub quantity: i64,
}
