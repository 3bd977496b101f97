//! Stores by words and sort.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use database::Connection;
use database::Database;
use roaring::RoaringBitmap;

use super::collector::{Found, Harvest, Stopped, Subject};
use super::posting_spans::PostingSpans;
use super::{Effort, Keyword, StoreKey, StorePlace, StoreSort, db};
use crate::search_changes::{self, Corpus, Known};
use crate::stores::Store;

/// A page of stores that is asked for.
#[derive(Clone, Debug)]
pub struct StoreSearch {
    /// The words.
    pub keyword: Keyword,
    /// The order.
    pub sort: StoreSort,
    /// Behind which place.
    pub after: Option<StorePlace>,
    /// How many are shown at most.
    pub limit: u32,
}

/// So many stores are read at once in the order of a sort.
const STORES_AT_ONCE: u32 = 200;

/// Finds a page of stores.
pub async fn find_stores(
    database: &Database,
    search: StoreSearch,
    effort: Effort,
) -> sqlx::Result<Found<Store, StorePlace>> {
    let find = database.read("store_search", move |db| {
        Box::pin(async move {
            if search.keyword.is_empty() {
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
    search: &StoreSearch,
    effort: Effort,
) -> sqlx::Result<Found<Store, StorePlace>> {
    // The notes before the bitmaps: see `super`.
    let Known { newest, unindexed } = search_changes::known(db, Corpus::Stores).await?;
    let harvest = Harvest::new(search, search.limit + 1, effort);
    let mut hunt = Hunt { search, effort, unindexed: unindexed.iter().collect(), harvest };
    let end = hunt.run(db, newest).await?;
    hunt.harvest.finish(db, &unindexed, end).await
}

async fn read_in_order(db: &mut Connection, search: &StoreSearch) -> sqlx::Result<Found<Store, StorePlace>> {
    let StoreSearch { sort, after, limit, .. } = search;
    let mut rows = db::listing::stores(db, *sort, after.as_ref(), limit + 1).await?;
    let has_more = rows.len() > *limit as usize;
    rows.truncate(*limit as usize);
    let next = rows.last().filter(|_| has_more).map(|last| StorePlace::of(last, *sort));
    Ok(Found { rows, next })
}

impl Subject for StoreSearch {
    type Row = Store;
    type Place = StorePlace;

    async fn rows(&self, db: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<(u32, Store)>> {
        let rows = db::rows::stores(db, numbers).await?;
        Ok(rows.into_iter().filter_map(|store| Some((u32::try_from(store.number).ok()?, store))).collect())
    }

    fn judge(&self, store: &Store) -> Option<StorePlace> {
        self.keyword.rank(&store.name, "").map(|_| StorePlace::of(store, self.sort))
    }

    fn compare(&self, one: &StorePlace, other: &StorePlace) -> Ordering {
        one.compare(other, self.sort)
    }

    fn after(&self) -> Option<&StorePlace> {
        self.after.as_ref()
    }
}

/// A search that is under way.
struct Hunt<'s> {
    search: &'s StoreSearch,
    effort: Effort,
    /// What the index does not know yet; judged by itself at the end.
    unindexed: RoaringBitmap,
    harvest: Harvest<'s, StoreSearch>,
}

type Course = sqlx::Result<ControlFlow<Stopped<StorePlace>>>;

impl Hunt<'_> {
    async fn run(&mut self, db: &mut Connection, newest: u32) -> Course {
        let terms = self.search.keyword.name_terms(Corpus::Stores).terms;
        let mut spans = PostingSpans::new(terms.clone(), None, newest);
        let mut all = RoaringBitmap::new();
        let mut position = 0;
        while let Some(span) = spans.span(db, position).await? {
            let matches = span.with_all(terms.iter()) - &self.unindexed;
            if self.search.sort == StoreSort::Latest {
                let places = matches
                    .iter()
                    .rev()
                    .map(|number| StorePlace { key: StoreKey::Count(0), number: number.into() });
                let end = self.examine(db, places.collect()).await?;
                if end.is_break() {
                    return Ok(end);
                }
            }
            all |= matches;
            position += 1;
        }
        match self.search.sort {
            StoreSort::Latest => Ok(ControlFlow::Continue(())),
            _ if all.len() <= u64::from(self.effort.look_up) => self.by_looking_up(db, &all).await,
            _ => self.by_passing(db, &all).await,
        }
    }

    /// Looks up the keys of all matches, and sorts them.
    async fn by_looking_up(&mut self, db: &mut Connection, matches: &RoaringBitmap) -> Course {
        let numbers: Vec<u32> = matches.iter().collect();
        let mut places = db::rows::store_places(db, self.search.sort, &numbers).await?;
        places.sort_by(|one, other| self.search.compare(one, other));
        self.examine(db, places).await
    }

    /// Passes through all stores in the order of the sort's index, picking what matches: there are many of them.
    async fn by_passing(&mut self, db: &mut Connection, matches: &RoaringBitmap) -> Course {
        let mut at = self.search.after.clone();
        loop {
            let passed = db::listing::stores(db, self.search.sort, at.as_ref(), STORES_AT_ONCE).await?;
            let Some(last) = passed.last() else { return Ok(ControlFlow::Continue(())) };
            let here = StorePlace::of(last, self.search.sort);
            let of_match = |store: &&Store| u32::try_from(store.number).is_ok_and(|n| matches.contains(n));
            let places = passed.iter().filter(of_match).map(|store| StorePlace::of(store, self.search.sort));
            let end = self.examine(db, places.collect()).await?;
            if end.is_break() {
                return Ok(end);
            }
            let end = self.harvest.tire(passed.len(), || here.clone());
            if end.is_break() {
                return Ok(end);
            }
            at = Some(here);
        }
    }

    async fn examine(&mut self, db: &mut Connection, places: Vec<StorePlace>) -> Course {
        let new = places.into_iter().filter(|place| !self.harvest.was_shown(place));
        let candidates: Vec<_> =
            new.filter_map(|place| Some((place.clone(), u32::try_from(place.number).ok()?))).collect();
        self.harvest.examine(db, candidates.into_iter()).await
    }
}
