//! Runs a search for stores over the index, in the order of the list.

use database::Connection;
use roaring::RoaringBitmap;

use super::collector::{Collector, Stop};
use super::matches::{Matches, read_whole};
use super::posting_spans::PostingSpans;
use super::{Budget, Fit, StoreKey, StorePosition, StoreSearch, StoreSort, db};
use crate::search_changes::Corpus;

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
        let terms = self.search.keyword.name_terms(Corpus::Stores);
        let mut spans = PostingSpans::new(terms.all().cloned().collect(), None, self.newest);
        let mut all = Matches::default();
        for fit in self.search.keyword.fits() {
            let mut index = 0;
            while let Some(span) = spans.span(connection, index).await? {
                let matches = span.with_fit(&[], &terms, fit) - &self.unindexed;
                if self.search.sort == StoreSort::Latest {
                    let positions = matches.iter().rev().map(|number| StorePosition {
                        key: StoreKey::Count(0),
                        fit,
                        number: number.into(),
                    });
                    self.collect(connection, positions.collect()).await?;
                }
                all.add(fit, matches);
                index += 1;
            }
        }
        match self.search.sort {
            StoreSort::Latest => Ok(()),
            _ if all.len() <= u64::from(self.budget.max_sorted) => {
                self.fetch_and_sort(connection, &all).await
            }
            _ => self.scan_index(connection, &all).await,
        }
    }

    /// Reads the keys of all matches, and sorts them.
    async fn fetch_and_sort(&mut self, connection: &mut Connection, matches: &Matches) -> Outcome {
        let keys = db::rows::store_keys(connection, self.search.sort, &matches.numbers()).await?;
        self.collect_keys(connection, keys, matches).await
    }

    /// Scans all stores in the order of the sort's index, and picks the matches. With so many matches, the next one is
    /// near.
    async fn scan_index(&mut self, connection: &mut Connection, matches: &Matches) -> Outcome {
        let mut at = self.search.after.as_ref().map(|after| start_of_key(&after.key));
        loop {
            let mut scanned = self.scan(connection, at.as_ref()).await?;
            let keys: Vec<&StoreKey> = scanned.iter().map(|(key, _)| key).collect();
            // No two live stores have the same name.
            let is_end =
                self.search.sort == StoreSort::Name || scanned.len() < self.budget.keys_at_once as usize;
            let whole = read_whole(&keys, is_end);
            let Some((last, _)) = scanned.get(whole.saturating_sub(1)).cloned() else { return Ok(()) };
            let read = scanned.len();
            if whole == 0 {
                self.scan_key(connection, &last, matches).await?;
            } else {
                scanned.truncate(whole);
                self.collect_keys(connection, scanned, matches).await?;
            }
            let here = end_of_key(&last);
            self.collector.spend_keys(read, || here.clone())?;
            at = Some(here);
        }
    }

    /// Scans the many stores of one key, once for each fit.
    async fn scan_key(&mut self, connection: &mut Connection, key: &StoreKey, matches: &Matches) -> Outcome {
        let after = self.search.after.as_ref().filter(|after| after.key == *key);
        for (fit, numbers) in matches.iter().filter(|(_, numbers)| !numbers.is_empty()) {
            if after.is_some_and(|after| after.fit > fit) {
                continue;
            }
            let of_fit = matches.among(numbers);
            let mut at = after.filter(|after| after.fit == fit).cloned().unwrap_or_else(|| start_of_key(key));
            loop {
                let mut scanned = self.scan(connection, Some(&at)).await?;
                scanned.retain(|(other, _)| other == key);
                let Some((_, last)) = scanned.last().cloned() else { break };
                let read = scanned.len();
                self.collect_keys(connection, scanned, &of_fit).await?;
                at = StorePosition { key: key.clone(), fit, number: last.into() };
                self.collector.spend_keys(read, || at.clone())?;
            }
        }
        Ok(())
    }

    /// The keys and numbers of the stores after a position, in the order of the sort's index.
    async fn scan(
        &self,
        connection: &mut Connection,
        at: Option<&StorePosition>,
    ) -> sqlx::Result<Vec<(StoreKey, u32)>> {
        db::listing::store_keys(connection, self.search.sort, at, self.budget.keys_at_once).await
    }

    /// Collects those of the stores with these keys that match.
    async fn collect_keys(
        &mut self,
        connection: &mut Connection,
        keys: Vec<(StoreKey, u32)>,
        matches: &Matches,
    ) -> Outcome {
        let position = |(key, number): (StoreKey, u32)| {
            let fit = matches.fit(number)?;
            Some(StorePosition { key, fit, number: number.into() })
        };
        let mut positions: Vec<_> = keys.into_iter().filter_map(position).collect();
        positions.sort_unstable_by(|one, other| one.compare(other, self.search.sort));
        self.collect(connection, positions).await
    }

    async fn collect(&mut self, connection: &mut Connection, positions: Vec<StorePosition>) -> Outcome {
        let new = positions.into_iter().filter(|position| !self.collector.was_shown(position));
        let candidates: Vec<_> = new
            .filter_map(|position| Some((position.clone(), u32::try_from(position.number).ok()?)))
            .collect();
        self.collector.collect(connection, candidates.into_iter()).await
    }
}

/// The position before all stores with this key. A name has one store, which is shown before the page.
fn start_of_key(key: &StoreKey) -> StorePosition {
    StorePosition { key: key.clone(), fit: Fit::Exact, number: i64::MAX }
}

/// The position after all stores with this key.
fn end_of_key(key: &StoreKey) -> StorePosition {
    StorePosition { key: key.clone(), fit: Fit::Apart, number: 0 }
}
