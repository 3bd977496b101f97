//! Rules: which bands are read together.

use std::ops::RangeInclusive;

use super::Direction;
use crate::search_changes::Band;

const FIRST_GROUP: u16 = 4;
const GROUP_GROWTH: u16 = 4;

/// Splits a range of bands into groups, in the direction of the list. The first group is small, because it is usually
/// enough. Each further group is larger.
pub(super) fn band_groups(
    bands: RangeInclusive<Band>,
    direction: Direction,
) -> impl Iterator<Item = RangeInclusive<Band>> {
    let (Band(mut first), Band(mut last)) = bands.into_inner();
    let mut size = FIRST_GROUP;
    let mut is_over = first > last;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let group = match direction {
            Direction::Ascending => first..=last.min(first.saturating_add(size - 1)),
            Direction::Descending => first.max(last.saturating_sub(size - 1))..=last,
        };
        is_over = group == (first..=last);
        match direction {
            Direction::Ascending => first = group.end().saturating_add(1),
            Direction::Descending => last = group.start().saturating_sub(1),
        }
        size = size.saturating_mul(GROUP_GROWTH);
        Some(Band(*group.start())..=Band(*group.end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_bands_grow_and_leave_none_out() {
        let groups = |first, last, direction| {
            let groups = band_groups(Band(first)..=Band(last), direction);
            groups.map(|group| (group.start().0, group.end().0)).collect::<Vec<_>>()
        };
        assert_eq!(groups(0, 0, Direction::Ascending), [(0, 0)]);
        assert_eq!(groups(3, 30, Direction::Ascending), [(3, 6), (7, 22), (23, 30)]);
        assert_eq!(groups(0, 5, Direction::Descending), [(2, 5), (0, 1)]);
        assert_eq!(groups(9, 3, Direction::Descending), []);
    }
}
