//! Whole won, with checked arithmetic.
//!
//! The won has no minor unit, so an amount is a whole number and never a float. Arithmetic whose result may not fit into
//! 64 bits gives `None`, and the caller decides what that means.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of money in won. A debit in a ledger is negative, and so is a day with more refunds than sales.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    ToSchema,
)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(value_type = i64, example = 12_000)]
pub struct Won(i64);

impl Won {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount of this many won.
    pub const fn new(won: i64) -> Self {
        Self(won)
    }

    /// The bare number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The price of `quantity` pieces, or `None` if it does not fit.
    #[must_use]
    pub const fn checked_mul(self, quantity: i64) -> Option<Self> {
        match self.0.checked_mul(quantity) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// The amount with the opposite sign, or `None` for the one number that has no opposite.
    #[must_use]
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(opposite) => Some(Self(opposite)),
            None => None,
        }
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum of many amounts, or `None` if it does not fit.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        if self.is_negative() {
            f.write_str("-")?;
        }
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str("원")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_written_as_people_write_it() {
        let written = [0, 7, 1_000, -12_000, 123_456_789, i64::MIN].map(|won| Won::new(won).to_string());
        assert_eq!(
            written,
            ["0원", "7원", "1,000원", "-12,000원", "123,456,789원", "-9,223,372,036,854,775,808원"]
        );
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(Won::new(i64::MAX).checked_add(Won::new(1)), None);
        assert_eq!(Won::new(i64::MIN).checked_sub(Won::new(1)), None);
        assert_eq!(Won::new(i64::MIN).checked_neg(), None);
        assert_eq!(Won::new(10_000_000).checked_mul(i64::MAX), None);
        assert_eq!(Won::checked_sum([Won::new(i64::MAX), Won::new(1), Won::new(-5)]), None);
    }

    #[test]
    fn a_fraction_or_a_string_is_not_an_amount() {
        for wrong in ["1.5", "1.0", "\"1\"", "null", "9223372036854775808"] {
            assert!(serde_json::from_str::<Won>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn sums_agree_with_wide_integers(amounts in proptest::collection::vec(any::<i64>(), 0..8)) {
            let mut wide = 0_i128;
            let fits = amounts.iter().all(|won| { wide += i128::from(*won); i64::try_from(wide).is_ok() });
            let sum = Won::checked_sum(amounts.into_iter().map(Won::new));
            prop_assert_eq!(sum.map(|sum| i128::from(sum.get())), fits.then_some(wide));
        }
    }
}
