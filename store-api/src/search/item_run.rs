//! Going through what the index gives for items, in the order of the list.

use std::ops::{ControlFlow, RangeInclusive};

use database::Connection;
use roaring::RoaringBitmap;

use super::band_groups::groups;
use super::collector::{Harvest, Stopped};
use super::item_search::overlap;
use super::item_terms::Terms;
use super::posting_spans::PostingSpans;
use super::{Effort, ItemPlace, ItemSearch, ItemSort, Rank, Term, db};
use crate::search_changes::{Band, Scale};
use crate::shared::Direction;

/// So many keys are read at once from the index of a sort.
const KEYS_AT_ONCE: u32 = 1_000;

/// A search that is under way.
pub(super) struct Hunt<'s> {
    pub(super) search: &'s ItemSearch,
    pub(super) terms: Terms,
    pub(super) effort: Effort,
    /// The number of the newest item.
    pub(super) newest: u32,
    /// What the index does not know yet; judged by itself at the end.
    pub(super) unindexed: RoaringBitmap,
    pub(super) harvest: Harvest<'s, ItemSearch>,
}

type Course = sqlx::Result<ControlFlow<Stopped<ItemPlace>>>;

impl Hunt<'_> {
    /// Goes through all ranks, until there are enough rows or it has been enough work.
    pub(super) async fn run(&mut self, db: &mut Connection) -> Course {
        let mut spans = None;
        for rank in [Rank::Name, Rank::Text] {
            let is_searched = rank == Rank::Name || !self.search.keyword.is_empty();
            if !is_searched || self.search.after.is_some_and(|after| after.rank > rank) {
                continue;
            }
            let (top, mut rank_spans) = self.spans_of(rank, spans.take());
            let end = match self.search.sort {
                ItemSort::Latest => self.by_number(db, rank, &mut rank_spans).await?,
                _ => self.by_key(db, rank, &mut rank_spans).await?,
            };
            if end.is_break() {
                return Ok(end);
            }
            spans = Some((top, rank_spans));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The bitmaps for a rank: those of the rank before, where they begin at the same number.
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

    /// The numbers of a span that may be of this rank.
    async fn matches(
        &self,
        db: &mut Connection,
        rank: Rank,
        spans: &mut PostingSpans,
        position: usize,
    ) -> sqlx::Result<Option<RoaringBitmap>> {
        let Terms { conditions, in_name, in_text, .. } = &self.terms;
        let Some(span) = spans.span(db, position).await? else { return Ok(None) };
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

    /// Goes through the matches from the newest to the oldest.
    async fn by_number(&mut self, db: &mut Connection, rank: Rank, spans: &mut PostingSpans) -> Course {
        let mut position = 0;
        while let Some(matches) = self.matches(db, rank, spans, position).await? {
            let end = self.examine(db, rank, 0, matches.iter().rev()).await?;
            if end.is_break() {
                return Ok(end);
            }
            position += 1;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes through the matches by their key.
    async fn by_key(&mut self, db: &mut Connection, rank: Rank, spans: &mut PostingSpans) -> Course {
        let mut matches = RoaringBitmap::new();
        let mut position = 0;
        while let Some(more) = self.matches(db, rank, spans, position).await? {
            matches |= more;
            position += 1;
        }
        if matches.len() <= u64::from(self.effort.look_up) {
            return self.by_looking_up(db, rank, &(i64::MIN..=i64::MAX), &matches).await;
        }
        let sort = self.search.sort;
        let Some((lowest, greatest)) = db::listing::item_key_bounds(db, sort).await? else {
            return Ok(ControlFlow::Continue(()));
        };
        let (lowest, greatest) = overlap(&(lowest..=greatest), &self.search.keys()).into_inner();
        let after = self.search.after.filter(|after| after.rank == rank).map(|after| after.key);
        let keys = match sort.direction() {
            Direction::Ascending => after.map_or(lowest, |key| key.max(lowest))..=greatest,
            Direction::Descending => lowest..=after.map_or(greatest, |key| key.min(greatest)),
        };
        let scale = sort.scale();
        for group in bands_of(sort, scale, &keys) {
            for (band, members) in self.bands(db, scale, &group).await? {
                let keys = overlap(&scale.values(band), &keys);
                let matches = &matches & members;
                let end = match sort.fine_scale() {
                    Some(fine) if matches.len() > u64::from(self.effort.look_up) => {
                        self.by_fine_bands(db, rank, fine, &keys, &matches).await?
                    }
                    _ => self.within_a_band(db, rank, &keys, &matches).await?,
                };
                if end.is_break() {
                    return Ok(end);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes through many matches with these keys, fine band by fine band.
    async fn by_fine_bands(
        &mut self,
        db: &mut Connection,
        rank: Rank,
        scale: Scale,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Course {
        for group in bands_of(self.search.sort, scale, keys) {
            for (band, members) in self.bands(db, scale, &group).await? {
                let keys = overlap(&scale.values(band), keys);
                let end = self.within_a_band(db, rank, &keys, &(matches & members)).await?;
                if end.is_break() {
                    return Ok(end);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The members of some bands, in the order of the list.
    async fn bands(
        &self,
        db: &mut Connection,
        scale: Scale,
        group: &RangeInclusive<Band>,
    ) -> sqlx::Result<Vec<(Band, RoaringBitmap)>> {
        let sort = self.search.sort;
        let term = |band| Term::key(sort, scale, band);
        let Some((first, last)) = term(*group.start()).zip(term(*group.end())) else { return Ok(Vec::new()) };
        let blocks = 0..=db::blocks::block_of(self.newest);
        let by_term = db::blocks::find_range(db, &first, &last, blocks).await?;
        let mut bands: Vec<(Band, RoaringBitmap)> =
            by_term.into_iter().filter_map(|(term, members)| Some((term.band()?, members))).collect();
        if sort.direction() == Direction::Descending {
            bands.reverse();
        }
        Ok(bands)
    }

    /// Goes through the matches with keys of one band, in whichever way is the least work.
    async fn within_a_band(
        &mut self,
        db: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Course {
        if matches.is_empty() || keys.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if keys.start() == keys.end() {
            return match self.search.sort.direction() {
                Direction::Ascending => self.examine(db, rank, *keys.start(), matches.iter()).await,
                Direction::Descending => self.examine(db, rank, *keys.start(), matches.iter().rev()).await,
            };
        }
        if matches.len() <= u64::from(self.effort.look_up) {
            return self.by_looking_up(db, rank, keys, matches).await;
        }
        // A band has so few keys that, among so many matches, the next one is never far.
        self.by_passing(db, rank, keys, matches).await
    }

    /// Looks up the keys of all matches, and sorts them.
    async fn by_looking_up(
        &mut self,
        db: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Course {
        let numbers: Vec<u32> = matches.iter().collect();
        let mut candidates = db::rows::item_keys(db, self.search.sort, &numbers).await?;
        candidates.retain(|(key, _)| keys.contains(key));
        candidates.sort_unstable_by(|one, other| self.search.sort.direction().compare(one, other));
        self.examine_keys(db, rank, candidates).await
    }

    /// Passes through the band in the order of the sort's index, picking what matches.
    async fn by_passing(
        &mut self,
        db: &mut Connection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Course {
        let after = self.search.after.filter(|after| after.rank == rank && keys.contains(&after.key));
        let mut at = after.map(|after| (after.key, after.number));
        loop {
            let passed = db::listing::item_keys(db, self.search.sort, keys, at, KEYS_AT_ONCE).await?;
            let Some((key, number)) = passed.last().copied() else { return Ok(ControlFlow::Continue(())) };
            let candidates = passed.iter().filter(|(_, number)| matches.contains(*number)).copied().collect();
            let end = self.examine_keys(db, rank, candidates).await?;
            if end.is_break() {
                return Ok(end);
            }
            let here = ItemPlace { rank, key, number: number.into() };
            let end = self.harvest.tire(passed.len(), || here);
            if end.is_break() {
                return Ok(end);
            }
            at = Some((key, number.into()));
        }
    }

    async fn examine_keys(&mut self, db: &mut Connection, rank: Rank, keys: Vec<(i64, u32)>) -> Course {
        let places =
            keys.into_iter().map(|(key, number)| (ItemPlace { rank, key, number: number.into() }, number));
        let new: Vec<_> = places.filter(|(place, _)| !self.harvest.was_shown(place)).collect();
        self.harvest.examine(db, new.into_iter()).await
    }

    async fn examine(
        &mut self,
        db: &mut Connection,
        rank: Rank,
        key: i64,
        numbers: impl Iterator<Item = u32> + Send,
    ) -> Course {
        let search = self.search;
        let shown = move |place: &ItemPlace| {
            search.after.is_some_and(|after| place.compare(&after, search.sort).is_le())
        };
        let places = numbers.map(move |number| (ItemPlace { rank, key, number: number.into() }, number));
        self.harvest.examine(db, places.filter(move |(place, _)| !shown(place))).await
    }
}

/// The bands that hold these keys, in groups, in the order of the list.
fn bands_of(
    sort: ItemSort,
    scale: Scale,
    keys: &RangeInclusive<i64>,
) -> impl Iterator<Item = RangeInclusive<Band>> + use<> {
    groups(scale.band(*keys.start())..=scale.band(*keys.end()), sort.direction())
}
