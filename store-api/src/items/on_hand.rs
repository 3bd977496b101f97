//! Rules: how many pieces of an option are on hand, and how a seller may change that.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// The most pieces of one option that a seller can have on hand.
pub const MAX_ON_HAND: i64 = 1_000_000;

/// A number of pieces on hand that a seller may set: 0 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = i64, minimum = 0, maximum = 1_000_000, example = 12)]
pub struct OnHand(i64);

/// Why a number is no stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from 0 to {MAX_ON_HAND}")]
pub struct OnHandFault;

impl OnHand {
    /// Checks a number of pieces.
    pub fn new(pieces: i64) -> Result<Self, OnHandFault> {
        if (0..=MAX_ON_HAND).contains(&pieces) { Ok(Self(pieces)) } else { Err(OnHandFault) }
    }

    /// The number of pieces.
    pub const fn pieces(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for OnHand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A seller's change of what is on hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockChange {
    /// The seller has counted the pieces: this is the new number.
    Set(OnHand),
    /// The seller adds this many pieces, or takes them away if the number is negative.
    By(i64),
}

/// After the change, fewer than 0 or more than [`MAX_ON_HAND`] pieces would be on hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stock of {on_hand} pieces does not allow this change")]
pub struct StockOutOfRange {
    /// The pieces on hand before the change.
    pub on_hand: i64,
}

impl StockChange {
    /// The pieces on hand after the change.
    pub fn apply(self, on_hand: i64) -> Result<OnHand, StockOutOfRange> {
        match self {
            Self::Set(pieces) => Ok(pieces),
            Self::By(delta) => on_hand
                .checked_add(delta)
                .and_then(|pieces| OnHand::new(pieces).ok())
                .ok_or(StockOutOfRange { on_hand }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_count_replaces_and_a_delta_adds() {
        assert_eq!(StockChange::Set(OnHand(7)).apply(3), Ok(OnHand(7)));
        assert_eq!(StockChange::By(-3).apply(3), Ok(OnHand(0)));
        assert_eq!(StockChange::By(-4).apply(3), Err(StockOutOfRange { on_hand: 3 }));
        assert_eq!(StockChange::By(1).apply(MAX_ON_HAND), Err(StockOutOfRange { on_hand: MAX_ON_HAND }));
    }

    proptest! {
        #[test]
        fn no_change_leaves_the_range(on_hand in 0..=MAX_ON_HAND, delta: i64) {
            if let Ok(after) = StockChange::By(delta).apply(on_hand) {
                prop_assert!((0..=MAX_ON_HAND).contains(&after.pieces()));
                prop_assert_eq!(after.pieces() - on_hand, delta);
            }
        }
    }
}
