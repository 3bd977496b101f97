//! Runs a search for stores over the index, in the order of the list.

use database::Connection;
use roaring::RoaringBitmap;

use super::collector::{Collector, Criteria, Stop};
use super::posting_spans::PostingSpans;
use super::{Budget, StoreKey, StorePosition, StoreSearch, StoreSort, db};
use crate::search_changes::Corpus;
use crate::stores::Store;

/// A scan reads this many stores in one statement.
const STORES_AT_ONCE: u32 = 200;

/// A running search.
pub(super) struct StoreRun<'s> {
    pub(super) search: &'s StoreSearch,
    pub(super) budget: Budget,
    /// The number of the newest store.
    pub(super) newest: u32,
    /// Stores that the index does not know yet. The collector reads their rows at the end.
    pub(super) unindexed: RoaringBitmap,
    pub(super) collector: Collector<'s, StoreSearch>,
}

type Outcome = Result<(), Stop<StorePosition>>;

impl StoreRun<'_> {
    /// Collects matches until the page is full or the budget is spent.
    pub(super) async fn run(&mut self, connection: &mut Connection) -> Outcome {
        let terms = self.search.keyword.name_terms(Corpus::Stores).terms;
        let mut spans = PostingSpans::new(terms.clone(), None, self.newest);
        let mut all = RoaringBitmap::new();
        let mut index = 0;
        while let Some(span) = spans.span(connection, index).await? {
            let matches = span.with_all(terms.iter()) - &self.unindexed;
            if self.search.sort == StoreSort::Latest {
                let positions = matches
                    .iter()
                    .rev()
                    .map(|number| StorePosition { key: StoreKey::Count(0), number: number.into() });
                self.collect(connection, positions.collect()).await?;
            }
            all |= matches;
            index += 1;
        }
        match self.search.sort {
            StoreSort::Latest => Ok(()),
            _ if all.len() <= u64::from(self.budget.max_sorted) => {
                self.fetch_and_sort(connection, &all).await
            }
            _ => self.scan_index(connection, &all).await,
        }
    }

    /// Reads the positions of all matches, and sorts them.
    async fn fetch_and_sort(&mut self, connection: &mut Connection, matches: &RoaringBitmap) -> Outcome {
        let numbers: Vec<u32> = matches.iter().collect();
        let mut positions = db::rows::store_positions(connection, self.search.sort, &numbers).await?;
        positions.sort_by(|one, other| self.search.compare(one, other));
        self.collect(connection, positions).await
    }

    /// Scans all stores in the order of the sort's index, and picks the matches. With so many matches, the next one is
    /// near.
    async fn scan_index(&mut self, connection: &mut Connection, matches: &RoaringBitmap) -> Outcome {
        let sort = self.search.sort;
        let mut at = self.search.after.clone();
        loop {
            let scanned = db::listing::stores(connection, sort, at.as_ref(), STORES_AT_ONCE).await?;
            let Some(last) = scanned.last() else { return Ok(()) };
            let here = StorePosition::of(last, sort);
            let is_match = |store: &&Store| u32::try_from(store.number).is_ok_and(|n| matches.contains(n));
            let positions = scanned.iter().filter(is_match).map(|store| StorePosition::of(store, sort));
            self.collect(connection, positions.collect()).await?;
            self.collector.spend_keys(scanned.len(), || here.clone())?;
            at = Some(here);
        }
    }

    async fn collect(&mut self, connection: &mut Connection, positions: Vec<StorePosition>) -> Outcome {
        let new = positions.into_iter().filter(|position| !self.collector.was_shown(position));
        let candidates: Vec<_> = new
            .filter_map(|position| Some((position.clone(), u32::try_from(position.number).ok()?)))
            .collect();
        self.collector.collect(connection, candidates.into_iter()).await
    }
}
