//! How many pieces there are, and how a seller may change that.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// The most pieces of one option that a seller can have on hand.
pub const MAX_ON_HAND: i64 = 1_000_000;

/// A number of pieces on hand, as a seller may set it: 0 to 1,000,000.
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
    /// Counted anew: it is this much now, whatever it was.
    Set(OnHand),
    /// More or less by so many pieces, whatever others do meanwhile.
    By(i64),
}

/// The change would leave fewer than none, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stock of {on_hand} pieces can't be changed so")]
pub struct StockOutOfRange {
    /// What is on hand.
    pub on_hand: i64,
}

impl StockChange {
    /// What is on hand afterwards.
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
