//! The terms of the index that a search for items needs.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;

use super::item_search::overlap;
use super::{ItemFilter, ItemSearch, ItemSort, KeywordTerms, Term, db};
use crate::search_changes::{Corpus, Scale};
use crate::stores::db::stores;

/// A range of prices within this many bands is read from the index of prices, because its bands hold many items that are
/// outside of the range.
const NARROW_BANDS: u16 = 2;
/// A range with more items than this is not read: then most items of its bands are in the range.
const NARROW_ITEMS: u32 = 4_000;

/// The terms of a search.
pub(super) struct ItemTerms {
    /// An item must have all of these.
    pub(super) conditions: Vec<Term>,
    /// The first and the last band of prices. An item must have one of the bands between them.
    pub(super) prices: Option<(Term, Term)>,
    /// Exactly the items of a narrow range of prices.
    pub(super) in_price_range: Option<RoaringBitmap>,
    /// For items with every word in their name.
    pub(super) in_name: KeywordTerms,
    /// For items with every word in their name or description.
    pub(super) in_text: KeywordTerms,
}

impl ItemTerms {
    /// The terms of a search. `None` if no item can match: the store does not exist, or no item has such a price.
    pub(super) async fn of(connection: &mut Connection, search: &ItemSearch) -> sqlx::Result<Option<Self>> {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &search.filter;
        let mut conditions: Vec<Term> = category.map(Term::category).into_iter().collect();
        if let Some(store_id) = store_id {
            let Some(number) = stores::find_number(connection, *store_id).await? else { return Ok(None) };
            conditions.push(Term::store(number));
        }
        if *in_stock {
            conditions.push(Term::in_stock());
        }
        let (mut prices, mut in_price_range) = (None, None);
        if min_price.is_some() || max_price.is_some() {
            let Some(range) = existing_prices(connection, search).await? else { return Ok(None) };
            let band = |price: &i64| Scale::PRICE_RANGES.band(*price);
            let (first, last) = (band(range.start()), band(range.end()));
            if last.0 - first.0 < NARROW_BANDS {
                in_price_range = items_in_narrow_range(connection, &range).await?;
            }
            prices = Some((Term::price_range(first), Term::price_range(last)));
        }
        let in_name = search.keyword.name_terms(Corpus::Items);
        let in_text = search.keyword.text_terms();
        Ok(Some(Self { conditions, prices, in_price_range, in_name, in_text }))
    }

    /// All terms that are looked up one by one.
    pub(super) fn all(&self) -> Vec<Term> {
        let all: BTreeSet<&Term> =
            self.conditions.iter().chain(self.in_name.all()).chain(self.in_text.all()).collect();
        all.into_iter().cloned().collect()
    }
}

/// The part of the allowed prices that live items have. `None` if no item has such a price.
async fn existing_prices(
    connection: &mut Connection,
    search: &ItemSearch,
) -> sqlx::Result<Option<RangeInclusive<i64>>> {
    let Some((lowest, greatest)) = db::listing::item_key_bounds(connection, ItemSort::PriceAsc).await? else {
        return Ok(None);
    };
    Ok(Some(overlap(&search.prices(), &(lowest..=greatest))).filter(|range| !range.is_empty()))
}

/// The items with a price in this range. `None` if there are more than [`NARROW_ITEMS`].
async fn items_in_narrow_range(
    connection: &mut Connection,
    prices: &RangeInclusive<i64>,
) -> sqlx::Result<Option<RoaringBitmap>> {
    let keys = db::listing::item_keys(connection, ItemSort::PriceAsc, prices, None, NARROW_ITEMS + 1).await?;
    let is_all = keys.len() <= NARROW_ITEMS as usize;
    Ok(is_all.then(|| keys.into_iter().map(|(_, number)| number).collect()))
}
