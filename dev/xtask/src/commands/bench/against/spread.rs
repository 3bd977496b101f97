//! Median and quartiles of a few values.

use std::fmt;

/// The median, and the quartiles that enclose the middle half of all values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) lower: f64,
    pub(super) median: f64,
    pub(super) upper: f64,
}

impl Spread {
    /// The values can have any order. Between two values it interpolates linearly (type 7 of Hyndman and Fan, "Sample
    /// Quantiles in Statistical Packages", 1996, as in spreadsheets). NaN if there are no values.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let quarter = |quarters: usize| {
            let position = values.len().saturating_sub(1) * quarters;
            let (below, rest) = (position / 4, position % 4);
            let at = |position: usize| values.get(position).copied().unwrap_or(f64::NAN);
            match u8::try_from(rest) {
                Ok(rest @ 1..) => at(below) + (at(below + 1) - at(below)) * f64::from(rest) / 4.0,
                _ => at(below),
            }
        };
        Self { lower: quarter(1), median: quarter(2), upper: quarter(3) }
    }
}

/// `1644 (1602–1689)`: with at least three significant digits.
impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.median.abs() {
            100.0.. => 0,
            10.0.. => 1,
            1.0.. => 2,
            _ => 3,
        };
        let Self { lower, median, upper } = self;
        let text = format!("{median:.digits$} ({lower:.digits$}–{upper:.digits$})");
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_enclose_the_middle_half() {
        let spread = Spread::of(vec![7.0, 1.0, 3.0, 2.0, 5.0, 4.0, 6.0]);
        assert_eq!(spread, Spread { lower: 2.5, median: 4.0, upper: 5.5 });
        let spread = Spread::of(vec![1.0, 2.0, 3.0]);
        assert_eq!(spread, Spread { lower: 1.5, median: 2.0, upper: 2.5 });
    }

    #[test]
    fn a_spread_is_shown_with_three_figures() {
        assert_eq!(Spread { lower: 1602.4, median: 1644.6, upper: 1689.0 }.to_string(), "1645 (1602–1689)");
        assert_eq!(Spread { lower: 0.2, median: 0.25, upper: 0.31 }.to_string(), "0.250 (0.200–0.310)");
    }
}
