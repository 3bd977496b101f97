//! Items by words, filters and sort.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use database::Connection;
use database::Database;
use money::Won;
use roaring::RoaringBitmap;

use super::Effort;
use super::harvest::{Found, Harvest, Subject};
use super::item_hunt::Hunt;
use crate::db;
use crate::db::search_changes::Known;
use crate::db::search_rows::ItemRow;
use crate::domain::search::{Corpus, ItemPlace, Keyword, NameTerms, Rank, Scale, Term};
use crate::domain::{Item, ItemFilter, ItemSort};

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

/// A range of prices that is within so many bands is looked up in the index of prices, for the bands say little of it,
/// unless it holds more items than this: then a good part of what is in the bands is in the range.
const NARROW_BANDS: u16 = 2;
const NARROW_ITEMS: u32 = 4_000;

/// Finds a page of items.
pub async fn find_items(
    database: &Database,
    search: ItemSearch,
    effort: Effort,
) -> sqlx::Result<Found<Item, ItemPlace>> {
    let find = database.read("item_search", move |db| {
        Box::pin(async move {
            if search.is_in_the_order_of_an_index() {
                read_in_order(db, &search).await
            } else {
                look_for(db, &search, effort).await
            }
        })
    });
    find.await
}

async fn look_for(
    db: &mut Connection,
    search: &ItemSearch,
    effort: Effort,
) -> sqlx::Result<Found<Item, ItemPlace>> {
    let Some(terms) = Terms::of(db, search).await? else {
        return Ok(Found { rows: Vec::new(), next: None });
    };
    // The notes before the bitmaps: see `super`.
    let Known { newest, unindexed } = db::search_changes::known(db, Corpus::Items).await?;
    let harvest = Harvest::new(search, search.limit + 1, effort);
    let mut hunt = Hunt { search, terms, effort, newest, unindexed: unindexed.iter().collect(), harvest };
    let end = hunt.run(db).await?;
    let found = hunt.harvest.finish(db, &unindexed, end).await?;
    Ok(Found { rows: found.rows.into_iter().map(|row| row.item).collect(), next: found.next })
}

async fn read_in_order(db: &mut Connection, search: &ItemSearch) -> sqlx::Result<Found<Item, ItemPlace>> {
    let ItemSearch { filter, sort, after, limit, .. } = search;
    let mut rows = db::listing::items(db, filter, *sort, after.as_ref(), limit + 1).await?;
    let has_more = rows.len() > *limit as usize;
    rows.truncate(*limit as usize);
    let next = rows.last().filter(|_| has_more).map(|last| ItemPlace::of(last, Rank::Name, *sort));
    Ok(Found { rows, next })
}

impl ItemSearch {
    /// Whether an index of the table has just these items in just this order.
    fn is_in_the_order_of_an_index(&self) -> bool {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &self.filter;
        let has_index = match self.sort {
            ItemSort::Latest => category.is_none() || store_id.is_none(),
            _ => category.is_none() && store_id.is_none(),
        };
        has_index && self.keyword.is_empty() && min_price.is_none() && max_price.is_none() && !in_stock
    }

    /// The prices that are asked for.
    fn prices(&self) -> RangeInclusive<i64> {
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
        let rows = db::search_rows::items(db, numbers, self.filter.in_stock).await?;
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

/// The prices that are asked for, as far as there are any.
async fn existing_prices(
    db: &mut Connection,
    search: &ItemSearch,
) -> sqlx::Result<Option<RangeInclusive<i64>>> {
    let Some((lowest, greatest)) = db::listing::item_key_bounds(db, ItemSort::PriceAsc).await? else {
        return Ok(None);
    };
    Ok(Some(overlap(&search.prices(), &(lowest..=greatest))).filter(|range| !range.is_empty()))
}

/// The terms of a search.
pub(super) struct Terms {
    pub(super) conditions: Vec<Term>,
    /// The first and the last band of prices.
    pub(super) prices: Option<(Term, Term)>,
    /// The very items of a narrow range of prices.
    pub(super) in_price_range: Option<RoaringBitmap>,
    pub(super) in_name: NameTerms,
    pub(super) in_text: Vec<Term>,
}

impl Terms {
    /// `None` where there is nothing to be found: no such store, or nothing at such prices.
    async fn of(db: &mut Connection, search: &ItemSearch) -> sqlx::Result<Option<Self>> {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &search.filter;
        let mut conditions: Vec<Term> = category.map(Term::category).into_iter().collect();
        if let Some(store_id) = store_id {
            let Some(number) = db::stores::find_number(db, *store_id).await? else { return Ok(None) };
            conditions.push(Term::store(number));
        }
        if *in_stock {
            conditions.push(Term::in_stock());
        }
        let (mut prices, mut in_price_range) = (None, None);
        if min_price.is_some() || max_price.is_some() {
            let Some(range) = existing_prices(db, search).await? else { return Ok(None) };
            let band = |price: &i64| Scale::PRICE_RANGES.band(*price);
            let (first, last) = (band(range.start()), band(range.end()));
            if last.0 - first.0 < NARROW_BANDS {
                let sort = ItemSort::PriceAsc;
                let keys = db::listing::item_keys(db, sort, &range, None, NARROW_ITEMS + 1).await?;
                let is_all = keys.len() <= NARROW_ITEMS as usize;
                in_price_range = is_all.then(|| keys.into_iter().map(|(_, number)| number).collect());
            }
            prices = Some((Term::price_range(first), Term::price_range(last)));
        }
        let in_name = search.keyword.name_terms(Corpus::Items);
        let in_text = search.keyword.text_terms();
        Ok(Some(Self { conditions, prices, in_price_range, in_name, in_text }))
    }

    /// All that is looked up by itself.
    pub(super) fn all(&self) -> Vec<Term> {
        self.conditions.iter().chain(&self.in_name.terms).chain(&self.in_text).cloned().collect()
    }
}
