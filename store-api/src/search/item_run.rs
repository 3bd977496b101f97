//! Runs a search for items over the index, in the order of the list.

use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;

use super::band_groups::band_groups;
use super::collector::{Collector, Stop};
use super::item_search::overlap;
use super::item_terms::ItemTerms;
use super::matches::{Matches, read_whole};
use super::posting_spans::{PostingSpans, Span};
use super::{Budget, Direction, Fit, ItemPosition, ItemSearch, ItemSort, Rank, Term, db};
use crate::search_changes::{Band, Scale};

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
            if self.search.sort == ItemSort::Latest {
                for fit in self.search.keyword.fits() {
                    if self.search.after.is_some_and(|after| after.rank == rank && after.fit > fit) {
                        continue;
                    }
                    let after = self.search.after.filter(|after| after.rank == rank && after.fit == fit);
                    let (top, mut fit_spans) = self.spans_after(after, spans.take());
                    self.scan_by_number(connection, rank, fit, &mut fit_spans).await?;
                    spans = Some((top, fit_spans));
                }
            } else {
                let (top, mut rank_spans) = self.spans_after(None, spans.take());
                self.scan_by_key(connection, rank, &mut rank_spans).await?;
                spans = Some((top, rank_spans));
            }
        }
        Ok(())
    }

    /// The bitmaps from a position on. Those that were read before are used again if they begin at the same number.
    fn spans_after(
        &self,
        after: Option<ItemPosition>,
        before: Option<(u32, PostingSpans)>,
    ) -> (u32, PostingSpans) {
        let top =
            after.and_then(|after| u32::try_from(after.number).ok()).unwrap_or(self.newest).min(self.newest);
        match before {
            Some((same, spans)) if same == top => (top, spans),
            _ => (top, PostingSpans::new(self.terms.all(), self.terms.prices.clone(), top)),
        }
    }

    /// The numbers of a span that may match with this rank and fit.
    fn matches(&self, span: &Span, rank: Rank, fit: Fit) -> RoaringBitmap {
        let ItemTerms { conditions, in_name, in_text, .. } = &self.terms;
        let terms = match rank {
            Rank::Name => in_name,
            Rank::Text => in_text,
        };
        let mut matches = span.with_fit(conditions, terms, fit);
        if rank == Rank::Text && !matches.is_empty() {
            matches -= span.with_words(conditions, in_name);
        }
        if let Some(exact) = &self.terms.in_price_range {
            matches &= exact;
        }
        matches - &self.unindexed
    }

    /// Collects the matches from the newest to the oldest.
    async fn scan_by_number(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        fit: Fit,
        spans: &mut PostingSpans,
    ) -> Outcome {
        let mut index = 0;
        while let Some(span) = spans.span(connection, index).await? {
            let matches = self.matches(span, rank, fit);
            self.collect_numbers(connection, rank, 0, fit, &matches).await?;
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
        let mut matches = Matches::default();
        let mut index = 0;
        while let Some(span) = spans.span(connection, index).await? {
            for fit in self.search.keyword.fits() {
                matches.add(fit, self.matches(span, rank, fit));
            }
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
                let matches = matches.among(&members);
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
        matches: &Matches,
    ) -> Outcome {
        for group in groups_with(self.search.sort, scale, keys) {
            for (band, members) in self.bands(connection, scale, &group).await? {
                let keys = overlap(&scale.values(band), keys);
                self.scan_band(connection, rank, &keys, &matches.among(&members)).await?;
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
        matches: &Matches,
    ) -> Outcome {
        if matches.len() == 0 || keys.is_empty() {
            return Ok(());
        }
        if keys.start() == keys.end() {
            for (fit, numbers) in matches.iter() {
                self.collect_numbers(connection, rank, *keys.start(), fit, numbers).await?;
            }
            return Ok(());
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
        matches: &Matches,
    ) -> Outcome {
        let mut candidates = db::rows::item_keys(connection, self.search.sort, &matches.numbers()).await?;
        candidates.retain(|(key, _)| keys.contains(key));
        self.collect_keys(connection, rank, &candidates, matches).await
    }

    /// Scans the band in the order of the sort's index, and picks the matches.
    async fn scan_index(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &Matches,
    ) -> Outcome {
        let Self { search: ItemSearch { sort, .. }, budget: Budget { keys_at_once, .. }, .. } = *self;
        let sort = *sort;
        let mut at = None;
        loop {
            let scanned = db::listing::item_keys(connection, sort, keys, at, keys_at_once).await?;
            let Some((last_key, _)) = scanned.last().copied() else { return Ok(()) };
            let is_end = scanned.len() < keys_at_once as usize;
            let keys_scanned: Vec<i64> = scanned.iter().map(|(key, _)| *key).collect();
            let whole = &scanned[..read_whole(&keys_scanned, is_end)];
            let here = if let Some((key, _)) = whole.last() {
                self.collect_keys(connection, rank, whole, matches).await?;
                ItemPosition::end_of_key(rank, *key, sort)
            } else {
                self.scan_key(connection, rank, last_key, matches).await?;
                ItemPosition::end_of_key(rank, last_key, sort)
            };
            self.collector.spend_keys(scanned.len(), || here)?;
            at = Some((here.key, here.number));
        }
    }

    /// Scans the many rows of one key, once for each fit.
    async fn scan_key(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        key: i64,
        matches: &Matches,
    ) -> Outcome {
        let keys_at_once = self.budget.keys_at_once;
        for (fit, numbers) in matches.iter().filter(|(_, numbers)| !numbers.is_empty()) {
            let of_fit = matches.among(numbers);
            let after = self.search.after.filter(|after| (after.rank, after.key) == (rank, key));
            if after.is_some_and(|after| after.fit > fit) {
                continue;
            }
            if numbers.len() <= u64::from(self.budget.max_sorted) {
                self.fetch_and_sort(connection, rank, &(key..=key), &of_fit).await?;
                continue;
            }
            let mut at = after.filter(|after| after.fit == fit).map(|after| (key, after.number));
            loop {
                let scanned =
                    db::listing::item_keys(connection, self.search.sort, &(key..=key), at, keys_at_once)
                        .await?;
                let Some((_, last)) = scanned.last().copied() else { break };
                self.collect_keys(connection, rank, &scanned, &of_fit).await?;
                let here = ItemPosition { rank, key, fit, number: last.into() };
                self.collector.spend_keys(scanned.len(), || here)?;
                at = Some((key, last.into()));
            }
        }
        Ok(())
    }

    /// Collects those of the rows with these keys that match.
    async fn collect_keys(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        keys: &[(i64, u32)],
        matches: &Matches,
    ) -> Outcome {
        let position = |(key, number): &(i64, u32)| {
            let fit = matches.fit(*number)?;
            Some((ItemPosition { rank, key: *key, fit, number: (*number).into() }, *number))
        };
        let mut new: Vec<_> = keys.iter().filter_map(position).collect();
        new.retain(|(position, _)| !self.collector.was_shown(position));
        new.sort_unstable_by(|(one, _), (other, _)| one.compare(other, self.search.sort));
        self.collector.collect(connection, new.into_iter()).await
    }

    /// Collects rows with this key and fit, in the direction of the list.
    async fn collect_numbers(
        &mut self,
        connection: &mut Connection,
        rank: Rank,
        key: i64,
        fit: Fit,
        numbers: &RoaringBitmap,
    ) -> Outcome {
        let search = self.search;
        let position = move |number: u32| {
            let position = ItemPosition { rank, key, fit, number: number.into() };
            let is_shown = search.after.is_some_and(|after| position.compare(&after, search.sort).is_le());
            (!is_shown).then_some((position, number))
        };
        match search.sort.direction() {
            Direction::Ascending => {
                self.collector.collect(connection, numbers.iter().filter_map(position)).await
            }
            Direction::Descending => {
                self.collector.collect(connection, numbers.iter().rev().filter_map(position)).await
            }
        }
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
