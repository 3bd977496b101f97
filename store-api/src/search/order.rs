use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rank;
use crate::items::Item;
use crate::search_changes::Scale;
use crate::shared::Direction;
use crate::stores::Store;

/// The order of a list of items. Equals follow each other newest first; in `PriceAsc`, the mirror image of `PriceDesc`,
/// oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemSort {
    /// The newest first.
    #[default]
    Latest,
    /// The most pieces sold first.
    Popular,
    /// The most hearts first.
    Hearts,
    /// The cheapest first.
    PriceAsc,
    /// The dearest first.
    PriceDesc,
}

impl ItemSort {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Latest, Self::Popular, Self::Hearts, Self::PriceAsc, Self::PriceDesc];

    /// Which way it goes.
    pub const fn direction(self) -> Direction {
        match self {
            Self::PriceAsc => Direction::Ascending,
            Self::Latest | Self::Popular | Self::Hearts | Self::PriceDesc => Direction::Descending,
        }
    }

    /// What an item is sorted by, before its number; the same for all where the number alone decides.
    pub fn key(self, item: &Item) -> i64 {
        match self {
            Self::Latest => 0,
            Self::Popular => item.sold,
            Self::Hearts => item.hearts,
            Self::PriceAsc | Self::PriceDesc => item.min_price.get(),
        }
    }

    /// The scale of the bands that a list is gone through by.
    pub const fn scale(self) -> Scale {
        match self {
            Self::PriceAsc | Self::PriceDesc => Scale::PRICE_RANGES,
            Self::Latest | Self::Popular | Self::Hearts => Scale::COUNTS,
        }
    }

    /// The scale of the finer bands within those, where there are any.
    pub const fn fine_scale(self) -> Option<Scale> {
        match self {
            Self::PriceAsc | Self::PriceDesc => Some(Scale::PRICES),
            Self::Latest | Self::Popular | Self::Hearts => None,
        }
    }
}

/// Where an item stands in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemPlace {
    /// Where the words stand in it.
    pub rank: Rank,
    /// Its [sort key](ItemSort::key).
    pub key: i64,
    /// Its number.
    pub number: i64,
}

impl ItemPlace {
    /// The place of an item.
    pub fn of(item: &Item, rank: Rank, sort: ItemSort) -> Self {
        Self { rank, key: sort.key(item), number: item.number }
    }

    /// Which of two places comes first.
    pub fn compare(&self, other: &Self, sort: ItemSort) -> Ordering {
        let by_key = || sort.direction().compare(&(self.key, self.number), &(other.key, other.number));
        self.rank.cmp(&other.rank).then_with(by_key)
    }
}

/// The order of a list of stores. Equals follow each other newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreSort {
    /// The newest first.
    #[default]
    Latest,
    /// The most followers first.
    Followers,
    /// By name, in the order of Unicode, which is the dictionary's for Hangul.
    Name,
}

impl StoreSort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Latest, Self::Followers, Self::Name];
}

/// What a store is sorted by, before its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKey {
    /// Its followers; the same for all where the number alone decides.
    Count(i64),
    /// Its name's key.
    Name(String),
}

/// Where a store stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    /// Its sort key.
    pub key: StoreKey,
    /// Its number.
    pub number: i64,
}

impl StorePlace {
    /// The place of a store.
    pub fn of(store: &Store, sort: StoreSort) -> Self {
        let key = match sort {
            StoreSort::Latest => StoreKey::Count(0),
            StoreSort::Followers => StoreKey::Count(store.followers),
            StoreSort::Name => StoreKey::Name(store.name_key.clone()),
        };
        Self { key, number: store.number }
    }

    /// Which of two places comes first.
    pub fn compare(&self, other: &Self, sort: StoreSort) -> Ordering {
        match sort {
            StoreSort::Latest | StoreSort::Followers => {
                Direction::Descending.compare(&(&self.key, self.number), &(&other.key, other.number))
            }
            StoreSort::Name => (&self.key, self.number).cmp(&(&other.key, other.number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_first_in_every_sort_and_ties_are_broken_by_number() {
        let place = |rank, key, number| ItemPlace { rank, key, number };
        let mut places = [
            place(Rank::Text, 9, 1),
            place(Rank::Name, 5, 2),
            place(Rank::Name, 5, 3),
            place(Rank::Name, 6, 1),
        ];
        let mut numbers = |sort| {
            places.sort_by(|one, other| one.compare(other, sort));
            places.map(|place| (place.key, place.number))
        };
        assert_eq!(numbers(ItemSort::PriceAsc), [(5, 2), (5, 3), (6, 1), (9, 1)]);
        assert_eq!(numbers(ItemSort::Hearts), [(6, 1), (5, 3), (5, 2), (9, 1)]);
    }
}
