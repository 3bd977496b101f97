use std::cmp::Ordering;
use std::ops::RangeInclusive;

use database::Connection;
use money::Won;

use super::collector::Criteria;
use super::db::rows::ItemRow;
use super::{ItemFilter, ItemPosition, ItemSort, Keyword, db};

/// A search for items, by words and filters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemSearch {
    /// Every word must be in the name or in the description.
    pub keyword: Keyword,
    /// The filters.
    pub filter: ItemFilter,
    /// The order of the list.
    pub sort: ItemSort,
    /// The page begins after this position.
    pub after: Option<ItemPosition>,
    /// The most items on the page.
    pub limit: u32,
}

impl ItemSearch {
    /// Whether an index of the table has exactly these items in exactly this order.
    pub(super) fn is_in_the_order_of_an_index(&self) -> bool {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &self.filter;
        let has_index = match self.sort {
            ItemSort::Latest => category.is_none() || store_id.is_none(),
            _ => category.is_none() && store_id.is_none(),
        };
        has_index && self.keyword.is_empty() && min_price.is_none() && max_price.is_none() && !in_stock
    }

    /// The prices that the filter allows.
    pub(super) fn prices(&self) -> RangeInclusive<i64> {
        self.filter.min_price.map_or(0, Won::get)..=self.filter.max_price.map_or(i64::MAX, Won::get)
    }

    /// The sort keys that the filter allows.
    pub(super) fn keys(&self) -> RangeInclusive<i64> {
        match self.sort {
            ItemSort::PriceAsc | ItemSort::PriceDesc => self.prices(),
            ItemSort::Latest | ItemSort::Popular | ItemSort::Hearts => i64::MIN..=i64::MAX,
        }
    }
}

/// The values that are in both ranges.
pub(super) fn overlap(one: &RangeInclusive<i64>, other: &RangeInclusive<i64>) -> RangeInclusive<i64> {
    *one.start().max(other.start())..=*one.end().min(other.end())
}

impl Criteria for ItemSearch {
    type Row = ItemRow;
    type Position = ItemPosition;

    async fn rows(&self, connection: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<(u32, ItemRow)>> {
        let rows = db::rows::items(connection, numbers, self.filter.in_stock).await?;
        let numbered = rows.into_iter().filter_map(|row| Some((u32::try_from(row.item.number).ok()?, row)));
        Ok(numbered.collect())
    }

    fn match_row(&self, ItemRow { item, in_stock }: &ItemRow) -> Option<ItemPosition> {
        if !self.filter.passes(item, *in_stock) {
            return None;
        }
        let place = self.keyword.place(&item.name, &item.description)?;
        Some(ItemPosition::of(item, place, self.sort))
    }

    fn compare(&self, one: &ItemPosition, other: &ItemPosition) -> Ordering {
        one.compare(other, self.sort)
    }

    fn after(&self) -> Option<&ItemPosition> {
        self.after.as_ref()
    }
}
