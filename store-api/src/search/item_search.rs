//! Items by words, filters and sort.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use database::Connection;
use money::Won;

use super::collector::Subject;
use super::db::rows::ItemRow;
use super::{ItemFilter, ItemPlace, ItemSort, Keyword, db};

/// A page of items that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemSearch {
    /// The words.
    pub keyword: Keyword,
    /// The conditions.
    pub filter: ItemFilter,
    /// The order.
    pub sort: ItemSort,
    /// Behind which place.
    pub after: Option<ItemPlace>,
    /// How many are shown at most.
    pub limit: u32,
}

impl ItemSearch {
    /// Whether an index of the table has just these items in just this order.
    pub(super) fn is_in_the_order_of_an_index(&self) -> bool {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &self.filter;
        let has_index = match self.sort {
            ItemSort::Latest => category.is_none() || store_id.is_none(),
            _ => category.is_none() && store_id.is_none(),
        };
        has_index && self.keyword.is_empty() && min_price.is_none() && max_price.is_none() && !in_stock
    }

    /// The prices that are asked for.
    pub(super) fn prices(&self) -> RangeInclusive<i64> {
        self.filter.min_price.map_or(0, Won::get)..=self.filter.max_price.map_or(i64::MAX, Won::get)
    }

    /// The keys that are asked for.
    pub(super) fn keys(&self) -> RangeInclusive<i64> {
        match self.sort {
            ItemSort::PriceAsc | ItemSort::PriceDesc => self.prices(),
            ItemSort::Latest | ItemSort::Popular | ItemSort::Hearts => i64::MIN..=i64::MAX,
        }
    }
}

/// What is in both.
pub(super) fn overlap(one: &RangeInclusive<i64>, other: &RangeInclusive<i64>) -> RangeInclusive<i64> {
    *one.start().max(other.start())..=*one.end().min(other.end())
}

impl Subject for ItemSearch {
    type Row = ItemRow;
    type Place = ItemPlace;

    async fn rows(&self, db: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<(u32, ItemRow)>> {
        let rows = db::rows::items(db, numbers, self.filter.in_stock).await?;
        let numbered = rows.into_iter().filter_map(|row| Some((u32::try_from(row.item.number).ok()?, row)));
        Ok(numbered.collect())
    }

    fn judge(&self, ItemRow { item, in_stock }: &ItemRow) -> Option<ItemPlace> {
        if !self.filter.passes(item, *in_stock) {
            return None;
        }
        let rank = self.keyword.rank(&item.name, &item.description)?;
        Some(ItemPlace::of(item, rank, self.sort))
    }

    fn compare(&self, one: &ItemPlace, other: &ItemPlace) -> Ordering {
        one.compare(other, self.sort)
    }

    fn after(&self) -> Option<&ItemPlace> {
        self.after.as_ref()
    }
}
