//! Rules: the range of prices.

use money::Won;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// The price of an option: 1 to 10,000,000 won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = i64, minimum = 1, maximum = 10_000_000, example = 32_000)]
pub struct Price(Won);

/// Why an amount is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from 1 to {}", Price::MAX)]
pub struct PriceFault;

impl Price {
    /// The highest price, in won.
    pub const MAX: i64 = 10_000_000;

    /// Checks an amount.
    pub fn new(amount: Won) -> Result<Self, PriceFault> {
        if (1..=Self::MAX).contains(&amount.get()) { Ok(Self(amount)) } else { Err(PriceFault) }
    }

    /// The amount.
    pub const fn amount(self) -> Won {
        self.0
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Won::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_from_one_to_ten_million() {
        let is_price = |won| Price::new(Won::new(won)).is_ok();
        assert_eq!([1, 10_000_000].map(is_price), [true; 2]);
        assert_eq!([0, -1, 10_000_001, i64::MIN].map(is_price), [false; 4]);
    }
}
