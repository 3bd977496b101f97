//! Items by words, filters and sort.

use std::cmp::Ordering;
use std::ops::{ControlFlow, RangeInclusive};

use database::Database;
use money::Won;
use roaring::RoaringBitmap;
use sqlx::MySqlConnection;

use super::Effort;
use super::harvest::{Found, Harvest, Stopped, Subject};
use super::posting_spans::PostingSpans;
use crate::db;
use crate::db::search_rows::ItemRow;
use crate::domain::search::{Band, Corpus, Direction, ItemPlace, Keyword, NameTerms, Rank, Scale, Term};
use crate::domain::{Item, ItemFilter, ItemSort};

/// A page of items that is asked for.
#[derive(Clone, Debug)]
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

/// So many bands are read first, and each further time this many times more.
const FIRST_BANDS: u16 = 4;
const BAND_GROWTH: u16 = 4;
/// So many keys are read at once from the index of a sort.
const KEYS_AT_ONCE: u32 = 1_000;

/// Finds a page of items.
pub async fn find_items(
    database: &Database,
    search: &ItemSearch,
    effort: Effort,
) -> sqlx::Result<Found<Item, ItemPlace>> {
    let mut db = database.acquire().await?;
    if search.is_in_the_order_of_an_index() {
        return read_in_order(&mut db, search).await;
    }
    let Some(terms) = Terms::of(&mut db, search).await? else {
        return Ok(Found { rows: Vec::new(), next: None });
    };
    // The notes before the bitmaps: see `super`.
    let unindexed = db::search_changes::numbers(&mut db, Corpus::Items).await?;
    let newest = db::items::newest_number(&mut db).await?.unwrap_or(0);
    let harvest = Harvest::new(search, search.limit + 1, effort);
    let mut hunt = Hunt { search, terms, effort, newest, unindexed: unindexed.iter().collect(), harvest };
    let end = hunt.run(&mut db).await?;
    let found = hunt.harvest.finish(&mut db, &unindexed, end).await?;
    Ok(Found { rows: found.rows.into_iter().map(|row| row.item).collect(), next: found.next })
}

async fn read_in_order(
    db: &mut MySqlConnection,
    search: &ItemSearch,
) -> sqlx::Result<Found<Item, ItemPlace>> {
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
        let may_narrow = self.sort == ItemSort::Latest || (category.is_none() && store_id.is_none());
        self.keyword.is_empty() && min_price.is_none() && max_price.is_none() && !in_stock && may_narrow
    }
}

impl Subject for ItemSearch {
    type Row = ItemRow;
    type Place = ItemPlace;

    async fn rows(&self, db: &mut MySqlConnection, numbers: &[u32]) -> sqlx::Result<Vec<(u32, ItemRow)>> {
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

/// The terms of a search.
struct Terms {
    conditions: Vec<Term>,
    prices: Option<(Term, Term)>,
    in_name: NameTerms,
    in_text: Vec<Term>,
}

impl Terms {
    /// `None` where the store that is searched in does not exist.
    async fn of(db: &mut MySqlConnection, search: &ItemSearch) -> sqlx::Result<Option<Self>> {
        let ItemFilter { category, store_id, min_price, max_price, in_stock } = &search.filter;
        let mut conditions: Vec<Term> = category.map(Term::category).into_iter().collect();
        if let Some(store_id) = store_id {
            let Some(number) = db::stores::find_number(db, *store_id).await? else { return Ok(None) };
            conditions.push(Term::store(number));
        }
        if *in_stock {
            conditions.push(Term::in_stock());
        }
        let band = |price: i64| Term::price(Scale::PRICES.band(price));
        let prices = (min_price.is_some() || max_price.is_some()).then(|| {
            let highest = max_price.map_or(i64::MAX, Won::get);
            (band(min_price.map_or(0, Won::get)), band(highest))
        });
        let in_name = search.keyword.name_terms(Corpus::Items);
        Ok(Some(Self { conditions, prices, in_name, in_text: search.keyword.text_terms() }))
    }

    fn all(&self) -> Vec<Term> {
        self.conditions.iter().chain(&self.in_name.terms).chain(&self.in_text).cloned().collect()
    }
}

/// A search that is under way.
struct Hunt<'s> {
    search: &'s ItemSearch,
    terms: Terms,
    effort: Effort,
    /// The number of the newest item.
    newest: u32,
    /// What the index does not know yet; judged by itself at the end.
    unindexed: RoaringBitmap,
    harvest: Harvest<'s, ItemSearch>,
}

type Course = sqlx::Result<ControlFlow<Stopped<ItemPlace>>>;

impl Hunt<'_> {
    async fn run(&mut self, db: &mut MySqlConnection) -> Course {
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
        db: &mut MySqlConnection,
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
        Ok(Some(matches - &self.unindexed))
    }

    /// Goes through the matches from the newest to the oldest.
    async fn by_number(&mut self, db: &mut MySqlConnection, rank: Rank, spans: &mut PostingSpans) -> Course {
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
    async fn by_key(&mut self, db: &mut MySqlConnection, rank: Rank, spans: &mut PostingSpans) -> Course {
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
        let after = self.search.after.filter(|after| after.rank == rank).map(|after| after.key);
        let bands = match sort.direction() {
            Direction::Ascending => after.map_or(lowest, |key| key.max(lowest))..=greatest,
            Direction::Descending => lowest..=after.map_or(greatest, |key| key.min(greatest)),
        };
        let (mut first, mut last) = (sort.scale().band(*bands.start()).0, sort.scale().band(*bands.end()).0);
        let mut size = FIRST_BANDS;
        while first <= last {
            let group = match sort.direction() {
                Direction::Ascending => first..=last.min(first.saturating_add(size - 1)),
                Direction::Descending => first.max(last.saturating_sub(size - 1))..=last,
            };
            let end = self.by_bands(db, rank, &group, &matches).await?;
            if end.is_break() {
                return Ok(end);
            }
            match sort.direction() {
                Direction::Ascending => first = *group.end() + 1,
                Direction::Descending if *group.start() == first => break,
                Direction::Descending => last = *group.start() - 1,
            }
            size = size.saturating_mul(BAND_GROWTH);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes through the matches in some bands, band by band.
    async fn by_bands(
        &mut self,
        db: &mut MySqlConnection,
        rank: Rank,
        group: &RangeInclusive<u16>,
        matches: &RoaringBitmap,
    ) -> Course {
        let sort = self.search.sort;
        let term = |band: u16| Term::key(sort, Band(band));
        let Some((first, last)) = term(*group.start()).zip(term(*group.end())) else {
            return Ok(ControlFlow::Continue(()));
        };
        let blocks = 0..=db::search_blocks::block_of(self.newest);
        let by_term = db::search_blocks::find_range(db, &first, &last, blocks).await?;
        let mut bands: Vec<(Band, RoaringBitmap)> =
            by_term.into_iter().filter_map(|(term, members)| Some((term.band()?, members))).collect();
        if sort.direction() == Direction::Descending {
            bands.reverse();
        }
        for (band, members) in bands {
            let end = self.by_band(db, rank, band, &members, matches & &members).await?;
            if end.is_break() {
                return Ok(end);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes through the matches in one band, in whichever way is the least work.
    async fn by_band(
        &mut self,
        db: &mut MySqlConnection,
        rank: Rank,
        band: Band,
        members: &RoaringBitmap,
        matches: RoaringBitmap,
    ) -> Course {
        let keys = self.search.sort.scale().values(band);
        if keys.start() == keys.end() {
            return match self.search.sort.direction() {
                Direction::Ascending => self.examine(db, rank, *keys.start(), matches.iter()).await,
                Direction::Descending => self.examine(db, rank, *keys.start(), matches.iter().rev()).await,
            };
        }
        // Where matches are strewn evenly, so many members have to be passed to meet as many as are wanted.
        let passed = self.harvest.still_wanted() as u64 * members.len() / matches.len().max(1);
        if matches.len() <= passed.max(u64::from(self.effort.look_up)) {
            return self.by_looking_up(db, rank, &keys, &matches).await;
        }
        self.by_passing(db, rank, &keys, &matches).await
    }

    /// Looks up the keys of all matches, and sorts them.
    async fn by_looking_up(
        &mut self,
        db: &mut MySqlConnection,
        rank: Rank,
        keys: &RangeInclusive<i64>,
        matches: &RoaringBitmap,
    ) -> Course {
        let numbers: Vec<u32> = matches.iter().collect();
        let mut candidates = db::search_rows::item_keys(db, self.search.sort, &numbers).await?;
        candidates.retain(|(key, _)| keys.contains(key));
        candidates.sort_unstable_by(|one, other| self.search.sort.direction().compare(one, other));
        self.examine_keys(db, rank, candidates).await
    }

    /// Passes through the band in the order of the sort's index, picking what matches.
    async fn by_passing(
        &mut self,
        db: &mut MySqlConnection,
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

    async fn examine_keys(&mut self, db: &mut MySqlConnection, rank: Rank, keys: Vec<(i64, u32)>) -> Course {
        let places =
            keys.into_iter().map(|(key, number)| (ItemPlace { rank, key, number: number.into() }, number));
        let new: Vec<_> = places.filter(|(place, _)| !self.harvest.was_shown(place)).collect();
        self.harvest.examine(db, new.into_iter()).await
    }

    async fn examine(
        &mut self,
        db: &mut MySqlConnection,
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
