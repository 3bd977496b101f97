//! The terms of the index that a search for items needs.

use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;

use super::item_search::overlap;
use super::{ItemFilter, ItemSearch, ItemSort, NameTerms, Term, db};
use crate::search_changes::{Corpus, Scale};
use crate::stores::db::stores;

/// A range of prices that is within so many bands is looked up in the index of prices, for the bands say little of it,
/// unless it holds more items than this: then a good part of what is in the bands is in the range.
const NARROW_BANDS: u16 = 2;
const NARROW_ITEMS: u32 = 4_000;

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
    pub(super) async fn of(db: &mut Connection, search: &ItemSearch) -> sqlx::Result<Option<Self>> {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &search.filter;
        let mut conditions: Vec<Term> = category.map(Term::category).into_iter().collect();
        if let Some(store_id) = store_id {
            let Some(number) = stores::find_number(db, *store_id).await? else { return Ok(None) };
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
