//! The bitmaps of a search's terms. They are read in spans of blocks, the newest first, and only as many as needed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;

use super::db::blocks::{self, block_of};
use super::{Fit, KeywordTerms, Term};

/// The first span has this many blocks. It is enough for most searches.
const FIRST_SPAN: u32 = 2;
/// Each further span has this many times as many blocks as the span before, so that reading all takes few statements.
const GROWTH: u32 = 8;

/// The spans that were read so far.
pub(super) struct PostingSpans {
    terms: Vec<Term>,
    /// The first and the last term of a range. A number must have one of its terms.
    range: Option<(Term, Term)>,
    spans: Vec<Span>,
    /// The highest block that was not read yet.
    next: Option<u32>,
}

/// The bitmaps of some blocks.
pub(super) struct Span {
    by_term: BTreeMap<Term, RoaringBitmap>,
    in_range: Option<RoaringBitmap>,
}

impl PostingSpans {
    /// The spans of these terms, from the block of the number `newest` down.
    pub(super) fn new(terms: Vec<Term>, range: Option<(Term, Term)>, newest: u32) -> Self {
        Self { terms, range, spans: Vec::new(), next: Some(block_of(newest)) }
    }

    /// The span with this index, counted from the newest. `None` after the last span.
    pub(super) async fn span(
        &mut self,
        connection: &mut Connection,
        index: usize,
    ) -> sqlx::Result<Option<&Span>> {
        while self.spans.len() <= index {
            let Some(highest) = self.next else { return Ok(None) };
            let size = (0..self.spans.len()).fold(FIRST_SPAN, |size, _| size.saturating_mul(GROWTH));
            let lowest = (highest + 1).saturating_sub(size);
            let span = self.read(connection, lowest..=highest).await?;
            self.spans.push(span);
            self.next = lowest.checked_sub(1);
        }
        Ok(self.spans.get(index))
    }

    async fn read(&self, connection: &mut Connection, blocks: RangeInclusive<u32>) -> sqlx::Result<Span> {
        let terms: Vec<&Term> = self.terms.iter().collect();
        let by_term = blocks::find(connection, &terms, blocks.clone()).await?;
        let in_range = match &self.range {
            Some((first, last)) => Some(
                blocks::find_range(connection, first, last, blocks)
                    .await?
                    .into_values()
                    .fold(RoaringBitmap::new(), |all, one| all | one),
            ),
            None => None,
        };
        Ok(Span { by_term, in_range })
    }
}

impl Span {
    /// The numbers that have all of these conditions and these words, with this fit.
    pub(super) fn with_fit(&self, conditions: &[Term], terms: &KeywordTerms, fit: Fit) -> RoaringBitmap {
        let KeywordTerms { words, spaces, beside, .. } = terms;
        let together = || self.with_all(conditions.iter().chain(words));
        let exact = || self.with_all(conditions.iter().chain(words).chain(spaces));
        let side_by_side = || self.with_pieces(conditions, terms, beside);
        match fit {
            Fit::Exact => exact(),
            Fit::Respelled => side_by_side() - exact(),
            Fit::Words => together() - side_by_side(),
            Fit::Apart => self.with_words(conditions, terms) - together() - side_by_side(),
        }
    }

    /// The numbers that have all of these conditions and these words, with any fit.
    pub(super) fn with_words(&self, conditions: &[Term], terms: &KeywordTerms) -> RoaringBitmap {
        self.with_pieces(conditions, terms, &[])
    }

    fn with_pieces(&self, conditions: &[Term], terms: &KeywordTerms, beside: &[[Term; 2]]) -> RoaringBitmap {
        let conditions = conditions.iter().map(std::slice::from_ref);
        let pieces = terms.pieces.iter().map(Vec::as_slice);
        self.with_one_of_each(conditions.chain(pieces).chain(beside.iter().map(<[Term; 2]>::as_slice)))
    }

    /// The numbers that have all of these terms and one of the range. Empty if there is neither a term nor a range.
    fn with_all<'t>(&self, terms: impl Iterator<Item = &'t Term>) -> RoaringBitmap {
        self.with_one_of_each(terms.map(std::slice::from_ref))
    }

    /// The numbers that have one of the terms of each list and one of the range. Empty if there is neither a list nor a
    /// range.
    fn with_one_of_each<'t>(&self, lists: impl Iterator<Item = &'t [Term]>) -> RoaringBitmap {
        let mut bitmaps: Vec<Cow<'_, RoaringBitmap>> = self.in_range.iter().map(Cow::Borrowed).collect();
        for terms in lists {
            let known = terms.iter().filter_map(|term| self.by_term.get(term)).map(Cow::Borrowed);
            match known.reduce(|one, other| Cow::Owned(&*one | &*other)) {
                Some(bitmap) => bitmaps.push(bitmap),
                None => return RoaringBitmap::new(),
            }
        }
        // The smallest bitmap first keeps all intermediate results small.
        bitmaps.sort_unstable_by_key(|bitmap| bitmap.len());
        let Some((smallest, others)) = bitmaps.split_first() else { return RoaringBitmap::new() };
        others.iter().fold(smallest.clone().into_owned(), |left, bitmap| left & &**bitmap)
    }
}
