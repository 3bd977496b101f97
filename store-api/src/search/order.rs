//! Rules: the orders of a list, and the terms that help to follow each.

use std::cmp::Ordering;

use paging::Position;
use serde::{Deserialize, Serialize};
use strum::VariantArray;
use utoipa::ToSchema;

use super::Direction;
use super::place::is_exact;
use super::{Fit, Place, Rank};
use crate::items::Item;
use crate::search_changes::Scale;
use crate::stores::Store;

/// The order of a list of items. Among items with equal keys the better [`Fit`] comes first. Among those the newest comes
/// first, and in `price_asc` the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[derive(VariantArray)]
pub enum ItemSort {
    /// The newest first.
    #[default]
    Latest,
    /// The most pieces sold first, without those that came back.
    Popular,
    /// The most hearts first.
    Hearts,
    /// The cheapest first.
    PriceAsc,
    /// The most expensive first.
    PriceDesc,
}

impl ItemSort {
    /// The direction of the keys.
    pub const fn direction(self) -> Direction {
        match self {
            Self::PriceAsc => Direction::Ascending,
            Self::Latest | Self::Popular | Self::Hearts | Self::PriceDesc => Direction::Descending,
        }
    }

    /// The key that items are sorted by, before their number. In `Latest` it is the same for all items.
    pub fn key(self, item: &Item) -> i64 {
        match self {
            Self::Latest => 0,
            Self::Popular => item.sold,
            Self::Hearts => item.hearts,
            Self::PriceAsc | Self::PriceDesc => item.min_price.get(),
        }
    }

    /// The scale of the bands by which a search scans the list.
    pub const fn scale(self) -> Scale {
        match self {
            Self::PriceAsc | Self::PriceDesc => Scale::PRICE_RANGES,
            Self::Latest | Self::Popular | Self::Hearts => Scale::COUNTS,
        }
    }

    /// The scale of the finer bands within those. `None` if there are no finer bands.
    pub const fn fine_scale(self) -> Option<Scale> {
        match self {
            Self::PriceAsc | Self::PriceDesc => Some(Scale::PRICES),
            Self::Latest | Self::Popular | Self::Hearts => None,
        }
    }
}

/// The position of an item in a list. A cursor holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemPosition {
    /// Where the words of the search are.
    pub rank: Rank,
    /// Its [sort key](ItemSort::key).
    pub key: i64,
    /// How the words are written there.
    #[serde(default, skip_serializing_if = "is_exact")]
    pub fit: Fit,
    /// Its number.
    pub number: i64,
}

impl ItemPosition {
    /// The position of this item.
    pub fn of(item: &Item, Place { rank, fit }: Place, sort: ItemSort) -> Self {
        Self { rank, key: sort.key(item), fit, number: item.number }
    }

    /// The position after all items with this key.
    pub(super) fn end_of_key(rank: Rank, key: i64, sort: ItemSort) -> Self {
        let number = match sort.direction() {
            Direction::Ascending => i64::MAX,
            Direction::Descending => 0,
        };
        Self { rank, key, fit: Fit::Apart, number }
    }

    /// Which of two positions comes first.
    pub fn compare(&self, other: &Self, sort: ItemSort) -> Ordering {
        let direction = sort.direction();
        let by_key = self.rank.cmp(&other.rank).then_with(|| direction.compare(&self.key, &other.key));
        by_key.then(self.fit.cmp(&other.fit)).then_with(|| direction.compare(&self.number, &other.number))
    }
}

impl Position for ItemPosition {
    fn is_possible(&self) -> bool {
        self.key >= 0 && self.number >= 0
    }
}

/// The order of a list of stores. Among stores with equal keys the better [`Fit`] comes first, and then the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[derive(VariantArray)]
pub enum StoreSort {
    /// The newest first.
    #[default]
    Latest,
    /// The most followers first.
    Followers,
    /// By name, in the order of Unicode. For Hangul this is the order of a dictionary.
    Name,
}

/// The key that stores are sorted by, before their number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoreKey {
    /// The number of its followers. In `Latest` it is the same for all stores.
    Count(i64),
    /// The key of its name.
    Name(String),
}

/// The position of a store in a list. A cursor holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorePosition {
    /// Its sort key.
    pub key: StoreKey,
    /// How the words are written in its name.
    #[serde(default, skip_serializing_if = "is_exact")]
    pub fit: Fit,
    /// Its number.
    pub number: i64,
}

impl Position for StorePosition {
    fn is_possible(&self) -> bool {
        let is_key = match self.key {
            StoreKey::Count(count) => count >= 0,
            StoreKey::Name(_) => true,
        };
        is_key && self.number >= 0
    }
}

impl StorePosition {
    /// The position of this store.
    pub fn of(store: &Store, fit: Fit, sort: StoreSort) -> Self {
        let key = match sort {
            StoreSort::Latest => StoreKey::Count(0),
            StoreSort::Followers => StoreKey::Count(store.followers),
            StoreSort::Name => StoreKey::Name(store.name_key.clone()),
        };
        Self { key, fit, number: store.number }
    }

    /// Which of two positions comes first.
    pub fn compare(&self, other: &Self, sort: StoreSort) -> Ordering {
        match sort {
            StoreSort::Latest | StoreSort::Followers => {
                let by_key =
                    Direction::Descending.compare(&self.key, &other.key).then(self.fit.cmp(&other.fit));
                by_key.then_with(|| Direction::Descending.compare(&self.number, &other.number))
            }
            // No two live stores have the same name.
            StoreSort::Name => (&self.key, self.number).cmp(&(&other.key, other.number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_first_in_every_sort_and_ties_are_broken_by_fit_and_number() {
        let position = |rank, key, fit, number| ItemPosition { rank, key, fit, number };
        let mut positions = [
            position(Rank::Text, 9, Fit::Exact, 1),
            position(Rank::Name, 5, Fit::Words, 4),
            position(Rank::Name, 5, Fit::Exact, 2),
            position(Rank::Name, 5, Fit::Exact, 3),
            position(Rank::Name, 6, Fit::Apart, 1),
        ];
        let mut numbers = |sort| {
            positions.sort_by(|one, other| one.compare(other, sort));
            positions.map(|position| (position.key, position.number))
        };
        assert_eq!(numbers(ItemSort::PriceAsc), [(5, 2), (5, 3), (5, 4), (6, 1), (9, 1)]);
        assert_eq!(numbers(ItemSort::Hearts), [(6, 1), (5, 3), (5, 2), (5, 4), (9, 1)]);
    }

    #[test]
    fn a_position_of_the_best_fit_is_that_of_a_list_without_fits() {
        let before = r#"{"rank":"name","key":0,"number":7}"#;
        let position = ItemPosition { rank: Rank::Name, key: 0, fit: Fit::Exact, number: 7 };
        assert_eq!(serde_json::to_string(&position).unwrap(), before);
        assert_eq!(serde_json::from_str::<ItemPosition>(before).unwrap(), position);
        let position = ItemPosition { fit: Fit::Apart, ..position };
        let told = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<ItemPosition>(&told).unwrap(), position);
    }
}
