//! Rows that are read, judged and kept, in the order of the list, until there are enough of them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use database::Connection;

use super::Effort;

/// A part of a list, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<Row, Place> {
    /// What was found.
    pub rows: Vec<Row>,
    /// Behind which place the list goes on; `None` at its end.
    pub next: Option<Place>,
}

/// What a search is after.
pub(super) trait Subject: Sync {
    /// What is found.
    type Row: Send;
    /// Where a row stands in the list.
    type Place: Clone + PartialEq + Send + Sync;

    /// The rows of these numbers, as far as they are live.
    fn rows(
        &self,
        db: &mut Connection,
        numbers: &[u32],
    ) -> impl Future<Output = sqlx::Result<Vec<(u32, Self::Row)>>> + Send;

    /// Where a row stands; `None` where it is not what is searched for.
    fn judge(&self, row: &Self::Row) -> Option<Self::Place>;

    /// Which of two places comes first.
    fn compare(&self, one: &Self::Place, other: &Self::Place) -> Ordering;

    /// The place behind which the list is to begin.
    fn after(&self) -> Option<&Self::Place>;
}

/// Why the candidates were not gone through to their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped<Place> {
    /// There are enough rows.
    Full,
    /// So much was read that it has to do, up to this place.
    Tired(Place),
}

/// The rows of a search so far.
pub(super) struct Harvest<'s, S: Subject> {
    subject: &'s S,
    kept: Vec<(S::Place, S::Row)>,
    /// One more than are shown, which tells whether the list goes on.
    wanted: usize,
    rows_left: u32,
}

/// The first rows are read in a batch of about as many as are wanted, later ones in ever larger batches up to this.
const LARGEST_BATCH: usize = 256;

impl<'s, S: Subject> Harvest<'s, S> {
    pub(super) fn new(subject: &'s S, wanted: u32, effort: Effort) -> Self {
        Self { subject, kept: Vec::new(), wanted: wanted as usize, rows_left: effort.rows }
    }

    /// How many rows are still wanted.
    pub(super) fn still_wanted(&self) -> usize {
        self.wanted - self.kept.len()
    }

    /// Whether a place is on the pages before.
    pub(super) fn was_shown(&self, place: &S::Place) -> bool {
        self.subject.after().is_some_and(|after| self.subject.compare(place, after).is_le())
    }

    /// Counts the work of reading keys, after which the search stands at a place.
    pub(super) fn tire(
        &mut self,
        keys: usize,
        at: impl FnOnce() -> S::Place,
    ) -> ControlFlow<Stopped<S::Place>> {
        let rows = u32::try_from(keys).unwrap_or(u32::MAX) / Effort::KEYS_PER_ROW;
        self.rows_left = self.rows_left.saturating_sub(rows);
        if self.rows_left == 0 { ControlFlow::Break(Stopped::Tired(at())) } else { ControlFlow::Continue(()) }
    }

    /// Reads the rows of candidates, which come in the order of the list with the places that the index gives them, and
    /// keeps those that really stand there.
    pub(super) async fn examine(
        &mut self,
        db: &mut Connection,
        candidates: impl Iterator<Item = (S::Place, u32)> + Send,
    ) -> sqlx::Result<ControlFlow<Stopped<S::Place>>> {
        let mut candidates = candidates;
        let mut size = self.still_wanted().next_power_of_two().min(LARGEST_BATCH);
        loop {
            let batch: Vec<(S::Place, u32)> = candidates.by_ref().take(size).collect();
            let Some((last, _)) = batch.last().cloned() else { return Ok(ControlFlow::Continue(())) };
            let numbers: Vec<u32> = batch.iter().map(|(_, number)| *number).collect();
            let mut rows: HashMap<u32, S::Row> = self.subject.rows(db, &numbers).await?.into_iter().collect();
            for (place, number) in batch {
                let Some(row) = rows.remove(&number) else { continue };
                if self.subject.judge(&row).as_ref() != Some(&place) {
                    continue;
                }
                self.kept.push((place, row));
                if self.still_wanted() == 0 {
                    return Ok(ControlFlow::Break(Stopped::Full));
                }
            }
            let read = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            self.rows_left = self.rows_left.saturating_sub(read);
            if self.rows_left == 0 {
                return Ok(ControlFlow::Break(Stopped::Tired(last)));
            }
            size = (size * 2).min(LARGEST_BATCH);
        }
    }

    /// Adds what the index does not know yet, and makes the page.
    pub(super) async fn finish(
        mut self,
        db: &mut Connection,
        unindexed: &[u32],
        end: ControlFlow<Stopped<S::Place>>,
    ) -> sqlx::Result<Found<S::Row, S::Place>> {
        for (_, row) in self.subject.rows(db, unindexed).await? {
            if let Some(place) = self.subject.judge(&row).filter(|place| !self.was_shown(place)) {
                self.kept.push((place, row));
            }
        }
        self.kept.sort_by(|(one, _), (other, _)| self.subject.compare(one, other));
        let stopped_at = match end {
            ControlFlow::Break(Stopped::Tired(place)) => Some(place),
            ControlFlow::Break(Stopped::Full) | ControlFlow::Continue(()) => None,
        };
        // Behind where the search stopped, what the index knows is missing.
        if let Some(stop) = &stopped_at {
            self.kept.retain(|(place, _)| self.subject.compare(place, stop).is_le());
        }
        let shown = self.wanted - 1;
        let next = if self.kept.len() > shown {
            self.kept.truncate(shown);
            self.kept.last().map(|(place, _)| place.clone())
        } else {
            stopped_at
        };
        Ok(Found { rows: self.kept.into_iter().map(|(_, row)| row).collect(), next })
    }
}
