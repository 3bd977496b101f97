//! Runs a search for items over the index, in the order of the list.

use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;

use super::band_groups::band_groups;
use super::collector::{Collector, Stop};
use super::item_search::overlap;
use super::item_terms::ItemTerms;
use super::posting_spans::PostingSpans;
use super::{Budget, Direction, ItemPosition, ItemSearch, ItemSort, Rank, Term, db};
use crate::search_changes::{Band, Scale};

/// A scan reads this many keys in one statement.
const KEYS_AT_ONCE: u32 = 1_000;

/// A running search.
pub(super) struct ItemRun<'s> {
    pub(super) search: &'s ItemSearch,
    pub(super) terms: ItemTerms,
    pub(super) budget: Budget,
    /// The number of the newest item.
    pub(super) newest: u32,
    /// Items that the index does not know yet. The collector reads their rows at the end.
    pub(super) unindexed: RoaringBitmap,
    pub(super) collector: Collector<'s, ItemSearch>,
}

type Outcome = Result<(), Stop<ItemPosition>>;

impl ItemRun<'_> {
    /// Collects matches, rank by rank, until the page is full or the budget is spent.
    pub(super) async fn run(&mut self, connection: &mut Connection) -> Outcome {
        let mut spans = None;
        for rank in [Rank::Name, Rank::Text] {
            let is_searched = rank == Rank::Name || !self.search.keyword.is_empty();
            if !is_searched || self.search.after.is_some_and(|after| after.rank > rank) {
                continue;
            }
            let (top, mut rank_spans) = self.spans_of(rank, spans.take());
            match self.search.sort {
                ItemSort::Latest => self.scan_by_number(connection, rank, &mut rank_spans).await?,
                _ => self.scan_by_key(connection, rank, &mut rank_spans).await?,
            }
            spans = Some((top, rank_spans));
        }
        Ok(())
    }

    /// The bitmaps for a rank. Those of the rank before are used again if they begin at the same number.
    fn spans_of(&self, rank: Rank, before: Option<(u32, PostingSpans)>) -> (u32, PostingSpans) {
        let after =
            self.search.after.filter(|after| after.rank == rank && self.search.sort == ItemSort::Latest);
        let top =
            after.and_then(|after| u32::try_from(after.number).ok()).unwrap_or(self.newest).min(self.newest);
        match before {
            Some((same, spans)) if same == top => (top, spans),
            _ => (top, PostingSpans::new(self.terms.all(), self.terms.prices.clone(), top)),
        }
    }

    /// The numbers of a span that may match with this rank. `None` after the last span.
    async fn matches(
        &self,
        connection: &mut Connection,
        rank: Rank,
        spans: &mut PostingSpans,
        index: usize,
    ) -> sqlx::Result<Option<RoaringBitmap>> {
        let ItemTerms { conditions, in_name, in_text, .. } = &self.terms;
        let Some(span) = spans.span(connection, index).await? else { return Ok(None) };
        let matches = match rank {
            Rank::Name => span.with_all(conditions.iter().chain(&in_name.terms)),
            Rank::Text if in_name.are_exact => {
                span.with_all(conditions.iter().chain(in_text))
                    - span.with_all(conditions.iter().chain(&in_name.terms))
            }
            Rank::Text => span.with_all(conditions.iter().chain(in_text)),
        };
        let matches = match &self.terms.in_price_range {
            Some(exact) => matches & exact,
            None => matches,
        };
        Ok(Some(matches - &self.unindexed))
    }

    /// Collects the matches from the newest to the oldest.
    async fn scan_by_number(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        spans: &mut PostingSpans,
    ) -> Outcome {
        let mut index = 0;
        while let Some(matches) = self.matches(connection, rank, spans, index).await? {
            self.collect_numbers(connection, rank, 0, matches.iter().rev()).await?;
            index += 1;
        }
        Ok(())
    }

    /// Collects the matches in the order of their keys, band by band.
    async fn scan_by_key(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        spans: &mut PostingSpans,
    ) -> Outcome {
        let mut matches = RoaringBitmap::new();
        let mut index = 0;
        while let Some(more) = self.matches(connection, rank, spans, index).await? {
            matches |= more;
            index += 1;
        }
        if matches.len() <= u64::from(self.budget.max_sorted) {
            return self.fetch_and_sort(connection, rank, &(i64::MIN..=i64::MAX), &matches).await;
        }
        let sort = self.search.sort;
        let Some((lowest, greatest)) = db::listing::item_key_bounds(connection, sort).await? else {
            return Ok(());
        };
        let (lowest, greatest) = overlap(&(lowest..=greatest), &self.search.keys()).into_inner();
        let after = self.search.after.filter(|after| after.rank == rank).map(|after| after.key);
        let keys = match sort.direction() {
            Direction::Ascending => after.map_or(lowest, |key| key.max(lowest))..=greatest,
            Direction::Descending => lowest..=after.map_or(greatest, |key| key.min(greatest)),
        };
        let scale = sort.scale();
        for group in groups_with(sort, scale, &keys) {
            for (band, members) in self.bands(connection, scale, &group).await? {
                let keys = overlap(&scale.values(band), &keys);
                let matches = &matches & members;
                match sort.fine_scale() {
                    Some(fine) if matches.len() > u64::from(self.budget.max_sorted) => {
                        self.scan_fine_bands(connection, rank, fine, &keys, &matches).await?;
                    }
                    _ => self.scan_band(connection, rank, &keys, &matches).await?,
                }
            }
        }
        Ok(())
    }

    /// Collects many matches with these keys, fine band by fine band.
    async fn scan_fine_bands(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        scale: Scale,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Outcome {
        for group in groups_with(self.search.sort, scale, keys) {
            for (band, members) in self.bands(connection, scale, &group).await? {
                let keys = overlap(&scale.values(band), keys);
                self.scan_band(connection, rank, &keys, &(matches & members)).await?;
            }
        }
        Ok(())
    }

    /// The members of each band of a group, in the order of the list.
    async fn bands(
        &self,
        connection: &mut Connection,
        scale: Scale,
        group: &RangeInclusive<Band>,
    ) -> sqlx::Result<Vec<(Band, RoaringBitmap)>> {
        let sort = self.search.sort;
        let term = |band| Term::key(sort, scale, band);
        let Some((first, last)) = term(*group.start()).zip(term(*group.end())) else { return Ok(Vec::new()) };
        let blocks = 0..=db::blocks::block_of(self.newest);
        let by_term = db::blocks::find_range(connection, &first, &last, blocks).await?;
        let mut bands: Vec<(Band, RoaringBitmap)> =
            by_term.into_iter().filter_map(|(term, members)| Some((term.band()?, members))).collect();
        if sort.direction() == Direction::Descending {
            bands.reverse();
        }
        Ok(bands)
    }

    /// Collects the matches with these keys, which are of one band, in the way that reads least.
    async fn scan_band(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Outcome {
        if matches.is_empty() || keys.is_empty() {
            return Ok(());
        }
        if keys.start() == keys.end() {
            return match self.search.sort.direction() {
                Direction::Ascending => {
                    self.collect_numbers(connection, rank, *keys.start(), matches.iter()).await
                }
                Direction::Descending => {
                    self.collect_numbers(connection, rank, *keys.start(), matches.iter().rev()).await
                }
            };
        }
        if matches.len() <= u64::from(self.budget.max_sorted) {
            return self.fetch_and_sort(connection, rank, keys, matches).await;
        }
        // A band has few keys. With so many matches in it, the next match is near.
        self.scan_index(connection, rank, keys, matches).await
    }

    /// Reads the keys of all matches, and sorts them.
    async fn fetch_and_sort(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Outcome {
        let numbers: Vec<u32> = matches.iter().collect();
        let mut candidates = db::rows::item_keys(connection, self.search.sort, &numbers).await?;
        candidates.retain(|(key, _)| keys.contains(key));
        candidates.sort_unstable_by(|one, other| self.search.sort.direction().compare(one, other));
        self.collect_keys(connection, rank, candidates).await
    }

    /// Scans the band in the order of the sort's index, and picks the matches.
    async fn scan_index(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Outcome {
        let after = self.search.after.filter(|after| after.rank == rank && keys.contains(&after.key));
        let mut at = after.map(|after| (after.key, after.number));
        loop {
            let scanned =
                db::listing::item_keys(connection, self.search.sort, keys, at, KEYS_AT_ONCE).await?;
            let Some((key, number)) = scanned.last().copied() else { return Ok(()) };
            let candidates =
                scanned.iter().filter(|(_, number)| matches.contains(*number)).copied().collect();
            self.collect_keys(connection, rank, candidates).await?;
            let here = ItemPosition { rank, key, number: number.into() };
            self.collector.spend_keys(scanned.len(), || here)?;
            at = Some((key, number.into()));
        }
    }

    async fn collect_keys(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: Vec<(i64, u32)>,
    ) -> Outcome {
        let positions =
            keys.into_iter().map(|(key, number)| (ItemPosition { rank, key, number: number.into() }, number));
        let new: Vec<_> = positions.filter(|(position, _)| !self.collector.was_shown(position)).collect();
        self.collector.collect(connection, new.into_iter()).await
    }

    async fn collect_numbers(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        key: i64,
        numbers: impl Iterator<Item = u32> + Send,
    ) -> Outcome {
        let search = self.search;
        let shown = move |position: &ItemPosition| {
            search.after.is_some_and(|after| position.compare(&after, search.sort).is_le())
        };
        let positions =
            numbers.map(move |number| (ItemPosition { rank, key, number: number.into() }, number));
        self.collector.collect(connection, positions.filter(move |(position, _)| !shown(position))).await
    }
}

/// The bands of these keys in groups, in the order of the list.
fn groups_with(
    sort: ItemSort,
    scale: Scale,
    keys: &RangeInclusive<i64>,
) -> impl Iterator<Item = RangeInclusive<Band>> + use<> {
    band_groups(scale.band(*keys.start())..=scale.band(*keys.end()), sort.direction())
}
