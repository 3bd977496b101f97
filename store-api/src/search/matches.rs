//! Rules: the numbers that may match, by their fit.

use roaring::RoaringBitmap;

use super::Fit;

/// Disjoint sets of numbers, the best fit first.
#[derive(Default)]
pub(super) struct Matches(Vec<(Fit, RoaringBitmap)>);

impl Matches {
    /// Adds numbers of a fit. The better fits are added first.
    pub(super) fn add(&mut self, fit: Fit, numbers: RoaringBitmap) {
        match self.0.iter_mut().find(|(known, _)| *known == fit) {
            Some((_, known)) => *known |= numbers,
            None => self.0.push((fit, numbers)),
        }
    }

    /// Those that are among these numbers.
    pub(super) fn among(&self, numbers: &RoaringBitmap) -> Self {
        Self(self.iter().map(|(fit, matches)| (fit, matches & numbers)).collect())
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|(_, matches)| matches.len()).sum()
    }

    /// The fit of a number. `None` if it does not match.
    pub(super) fn fit(&self, number: u32) -> Option<Fit> {
        self.iter().find(|(_, matches)| matches.contains(number)).map(|(fit, _)| fit)
    }

    /// The numbers of each fit, the best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Fit, &RoaringBitmap)> {
        self.0.iter().map(|(fit, matches)| (*fit, matches))
    }

    /// All numbers.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.iter().flat_map(|(_, matches)| matches).collect()
    }
}

/// A scan has read these keys in order. How many of them, from the first on, have no more rows behind what was read? Only
/// the last key can have more, unless this is the end.
pub(super) fn read_whole<K: PartialEq>(keys: &[K], is_end: bool) -> usize {
    match keys.last() {
        Some(last) if !is_end => keys.iter().rposition(|key| key != last).map_or(0, |index| index + 1),
        _ => keys.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_key_of_a_scan_may_go_on() {
        assert_eq!(read_whole(&[1, 1, 2, 3, 3], false), 3);
        assert_eq!(read_whole(&[1, 1, 2, 3, 3], true), 5);
        assert_eq!(read_whole(&[1, 1], false), 0);
        assert_eq!(read_whole::<i64>(&[], false), 0);
    }
}
