//! How many pieces of one option.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// 1 to 999 pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 999)]
pub struct Quantity(u32);

/// A number of pieces that no line can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {} to {}", Quantity::MIN, Quantity::MAX)]
pub struct OutOfRange;

impl Quantity {
    /// The fewest of a line.
    pub const MIN: u32 = 1;
    /// The most of a line.
    pub const MAX: u32 = 999;

    /// So many pieces, or `None` outside of the range.
    pub const fn new(pieces: u32) -> Option<Self> {
        if pieces >= Self::MIN && pieces <= Self::MAX { Some(Self(pieces)) } else { None }
    }

    /// The bare number.
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
    fn no_other_number_is_read_as_one() {
        for wrong in ["0", "-1", "1000", "1.0", "1.5", "\"1\"", "null", "4294967297"] {
            assert!(serde_json::from_str::<Quantity>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str("999").ok(), Quantity::new(999));
    }
}
