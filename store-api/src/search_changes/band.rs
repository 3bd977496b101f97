//! Rules: how values are divided into bands.

use std::ops::RangeInclusive;

/// How values are divided into bands: each doubling of the value is cut into `2^bits` bands of equal width. This is the
/// bucket scheme of HDR histograms (<http://hdrhistogram.org>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    bits: u32,
}

/// A range of values: its position on a [`Scale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Band(pub u16);

impl Scale {
    /// For sorting by price. Prices are round numbers, so a band has only a few different prices.
    pub const PRICES: Self = Self { bits: 6 };
    /// For ranges of prices. Few bands are quick to read and approximate the range.
    pub const PRICE_RANGES: Self = Self { bits: 1 };
    /// For counts: 0, 1, 2, 3, 4–5, 6–7, 8–11, … The larger a count is, the more rarely it changes its band.
    pub const COUNTS: Self = Self { bits: 1 };

    /// The band of a value. A value below zero, which never occurs, has the band of zero.
    pub fn band(self, value: i64) -> Band {
        let value = u64::try_from(value).unwrap_or(0);
        let fine = 1_u64 << self.bits;
        if value < fine {
            return Band(narrow(value));
        }
        let shift = value.ilog2() - self.bits;
        Band(narrow((u64::from(shift + 1) << self.bits) + ((value >> shift) - fine)))
    }

    /// The values of a band.
    pub fn values(self, band: Band) -> RangeInclusive<i64> {
        let fine = 1_u64 << self.bits;
        let band = u64::from(band.0);
        if band < fine {
            return narrow_value(band)..=narrow_value(band);
        }
        let shift = (band >> self.bits) - 1;
        let first = u128::from(fine + (band & (fine - 1))) << shift;
        let last = first + (1_u128 << shift) - 1;
        narrow_value(first)..=narrow_value(last)
    }
}

fn narrow(band: u64) -> u16 {
    u16::try_from(band).expect("64 bits have at most 64 doublings of 64 bands each")
}

fn narrow_value(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_are_sorted_by_doublings() {
        let bands = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12].map(|count| Scale::COUNTS.band(count).0);
        assert_eq!(bands, [0, 1, 2, 3, 4, 4, 5, 6, 6, 7]);
        assert_eq!(Scale::COUNTS.values(Band(6)), 8..=11);
        assert_eq!(Scale::COUNTS.values(Band(0)), 0..=0);
    }

    #[test]
    fn a_band_of_prices_is_a_part_of_a_doubling() {
        assert_eq!(Scale::PRICES.values(Scale::PRICES.band(29_900)), 29_696..=29_951);
        assert_eq!(Scale::PRICES.values(Scale::PRICES.band(100)), 100..=100);
        assert_eq!(Scale::PRICES.values(Scale::PRICES.band(10_000_000)), 9_961_472..=10_092_543);
        assert_eq!(Scale::PRICE_RANGES.values(Scale::PRICE_RANGES.band(29_900)), 24_576..=32_767);
    }

    proptest! {
        #[test]
        fn every_value_is_in_its_band_and_bands_are_in_order(value in 0..i64::MAX, other in 0..i64::MAX) {
            for scale in [Scale::PRICES, Scale::PRICE_RANGES, Scale::COUNTS] {
                let (band, other_band) = (scale.band(value), scale.band(other));
                prop_assert!(scale.values(band).contains(&value));
                prop_assert!(value <= other || band >= other_band);
                let after = scale.values(Band(band.0 + 1));
                prop_assert!(*after.start() == i64::MAX || *after.start() == scale.values(band).end() + 1);
            }
        }
    }
}
