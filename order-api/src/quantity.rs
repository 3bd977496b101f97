//! Rules: the quantity of a cart line or an order line.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number of pieces of one option, 1 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 999)]
pub struct Quantity(u32);

/// The number is not a valid quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {} to {}", Quantity::MIN, Quantity::MAX)]
pub struct OutOfRange;

impl Quantity {
    /// The smallest quantity.
    pub const MIN: u32 = 1;
    /// The largest quantity.
    pub const MAX: u32 = 999;

    /// A quantity of `pieces`, or `None` if it is out of range.
    pub const fn new(pieces: u32) -> Option<Self> {
        if pieces >= Self::MIN && pieces <= Self::MAX { Some(Self(pieces)) } else { None }
    }

    /// The number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Quantity {
    type Error = OutOfRange;

    fn try_from(pieces: u32) -> Result<Self, OutOfRange> {
        Self::new(pieces).ok_or(OutOfRange)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_1_to_999() {
        assert_eq!(
            [0, 1, 999, 1_000].map(|pieces| Quantity::new(pieces).is_some()),
            [false, true, true, false]
        );
    }

    #[test]
    fn other_values_are_refused() {
        for wrong in ["0", "-1", "1000", "1.0", "1.5", "\"1\"", "null", "4294967297"] {
            assert!(serde_json::from_str::<Quantity>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str("999").ok(), Quantity::new(999));
    }
}
