//! Control sums: a few numbers by which the totals of all sellers are compared with all their lines at once.
//!
//! Beside the plain sum of the amounts stands a weighted one: each amount times a number that is made of its seller's id
//! (28 bits of its CRC-32), modulo the prime 2^61 − 1. Both are linear, so they are the same whether they are taken over
//! the lines or over the sellers' totals. Money that is missing shows in the plain sum; money that stands with the wrong
//! seller leaves that alone and shifts the weighted one, unless two sellers happen to have the same weight: one chance
//! in 268 million. It is the idea of Freivalds' check of a product and of a linear hash: compare a projection of two
//! vectors, not the vectors.

use std::fmt;

use money::Won;

/// 2^61 − 1.
pub const MODULUS: i64 = (1 << 61) - 1;

/// What amounts of many sellers come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlSum {
    /// The plain sum.
    pub amount: Won,
    /// Each amount weighted by its seller, modulo [`MODULUS`].
    pub weighted: i64,
}

impl ControlSum {
    /// The sums over both; `None` where the plain one does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount)?;
        // Each is below 2^61, so that two of them fit.
        Some(Self { amount, weighted: (self.weighted + other.weighted) % MODULUS })
    }
}

/// What a day comes to, over its totals or over its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySums {
    /// Of what was paid.
    pub gross: ControlSum,
    /// Of what goes back.
    pub refunds: ControlSum,
}

impl DaySums {
    /// The sums over both; `None` where a plain one does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let gross = self.gross.checked_add(other.gross)?;
        Some(Self { gross, refunds: self.refunds.checked_add(other.refunds)? })
    }
}

impl fmt::Display for DaySums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gross, refunds } = self;
        write!(
            f,
            "gross {} [{:x}], refunds {} [{:x}]",
            gross.amount, gross.weighted, refunds.amount, refunds.weighted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_parts_are_the_sum_of_the_whole() {
        let sum = |amount, weighted| ControlSum { amount: Won::new(amount), weighted };
        assert_eq!(sum(7, MODULUS - 1).checked_add(sum(5, 3)), Some(sum(12, 2)));
        assert_eq!(sum(i64::MAX, 0).checked_add(sum(1, 0)), None);
    }
}
