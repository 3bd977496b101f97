//! Rules: control sums, a few numbers that compare the totals of all sellers with all their lines at once.
//!
//! Beside the plain sum of the amounts there is a weighted sum: each amount is multiplied by a weight of its seller (28
//! bits of the CRC-32 of the seller's id), modulo the prime 2^61 − 1. Both sums are linear, so they are the same over the
//! lines and over the totals. Missing money changes the plain sum. Money that is booked for the wrong seller changes only
//! the weighted sum, unless two sellers have the same weight by chance: one in 268 million. This is the idea of Freivalds'
//! algorithm and of linear hashes: compare a projection of two vectors, not the vectors.

use std::fmt;

use money::Won;

/// 2^61 − 1.
pub const MODULUS: i64 = (1 << 61) - 1;

/// The sums of amounts of many sellers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlSum {
    /// The plain sum.
    pub amount: Won,
    /// The sum of the amounts, each multiplied by the weight of its seller, modulo [`MODULUS`].
    pub weighted: i64,
}

impl ControlSum {
    /// The sums over both; `None` if the plain sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let amount = self.amount.checked_add(other.amount)?;
        // Each is below 2^61, so their sum fits.
        Some(Self { amount, weighted: (self.weighted + other.weighted) % MODULUS })
    }
}

/// The sums of a day, over its totals or over its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySums {
    /// Of the lines that were paid.
    pub gross: ControlSum,
    /// Of the lines that are refunded.
    pub refunds: ControlSum,
}

impl DaySums {
    /// The sums over both; `None` if a plain sum does not fit.
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

/// The sums of lines, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSums {
    /// How many lines were paid.
    pub lines: u64,
    /// Their sums.
    pub sums: DaySums,
}

impl LineSums {
    /// The sums over both; `None` if a plain sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self { lines: self.lines + other.lines, sums: self.sums.checked_add(other.sums)? })
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
