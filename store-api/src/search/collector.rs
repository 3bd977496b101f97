//! Collects the rows of one page: reads the candidates in the order of the list and keeps those that match.

use std::cmp::Ordering;
use std::collections::HashMap;

use database::Connection;

use super::{Budget, Found};

/// What a search looks for, and in which order.
pub(super) trait Criteria: Sync {
    /// An item or a store.
    type Row: Send;
    /// The position of a row in the list.
    type Position: Clone + PartialEq + Send + Sync;

    /// Reads the live rows of these numbers, in any order.
    fn rows(
        &self,
        connection: &mut Connection,
        numbers: &[u32],
    ) -> impl Future<Output = sqlx::Result<Vec<(u32, Self::Row)>>> + Send;

    /// The position of a row in the list. `None` if the row does not match.
    fn match_row(&self, row: &Self::Row) -> Option<Self::Position>;

    /// Which of two positions comes first.
    fn compare(&self, one: &Self::Position, other: &Self::Position) -> Ordering;

    /// The page begins after this position.
    fn after(&self) -> Option<&Self::Position>;
}

/// Why a search stops before it has seen all candidates.
pub(super) enum Stop<Position> {
    /// There are enough rows for the page.
    PageFull,
    /// The budget is spent. The search has seen all candidates up to this position.
    BudgetSpent(Position),
    /// The database failed.
    Failed(sqlx::Error),
}

impl<Position> From<sqlx::Error> for Stop<Position> {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// The rows of a page so far.
pub(super) struct Collector<'s, S: Criteria> {
    criteria: &'s S,
    found: Vec<(S::Position, S::Row)>,
    /// One row more than the page shows. It tells whether there is a next page.
    wanted: usize,
    /// What is left of the budget.
    rows_left: u32,
}

/// The first batch has about as many rows as the page needs. Later batches grow up to this size.
const LARGEST_BATCH: usize = 256;

impl<'s, S: Criteria> Collector<'s, S> {
    pub(super) fn new(criteria: &'s S, wanted: u32, budget: Budget) -> Self {
        Self { criteria, found: Vec::new(), wanted: wanted as usize, rows_left: budget.max_rows }
    }

    fn still_wanted(&self) -> usize {
        self.wanted - self.found.len()
    }

    /// Whether an earlier page shows this position.
    pub(super) fn was_shown(&self, position: &S::Position) -> bool {
        self.criteria.after().is_some_and(|after| self.criteria.compare(position, after).is_le())
    }

    /// Takes the cost of reading this many keys from the budget. The last key read is at the position `at`.
    pub(super) fn spend_keys(
        &mut self,
        keys: usize,
        at: impl FnOnce() -> S::Position,
    ) -> Result<(), Stop<S::Position>> {
        let rows = u32::try_from(keys).unwrap_or(u32::MAX) / Budget::KEYS_PER_ROW;
        self.rows_left = self.rows_left.saturating_sub(rows);
        if self.rows_left == 0 { Err(Stop::BudgetSpent(at())) } else { Ok(()) }
    }

    /// Reads the rows of the candidates, and keeps those that match at the position that the index gives. The
    /// candidates come in the order of the list.
    pub(super) async fn collect(
        &mut self,
        connection: &mut Connection,
        mut candidates: impl Iterator<Item = (S::Position, u32)> + Send,
    ) -> Result<(), Stop<S::Position>> {
        let mut size = self.still_wanted().next_power_of_two().min(LARGEST_BATCH);
        loop {
            let batch: Vec<(S::Position, u32)> = candidates.by_ref().take(size).collect();
            let Some((last, _)) = batch.last().cloned() else { return Ok(()) };
            let numbers: Vec<u32> = batch.iter().map(|(_, number)| *number).collect();
            let mut rows: HashMap<u32, S::Row> =
                self.criteria.rows(connection, &numbers).await?.into_iter().collect();
            for (position, number) in batch {
                let Some(row) = rows.remove(&number) else { continue };
                if self.criteria.match_row(&row).as_ref() != Some(&position) {
                    continue;
                }
                self.found.push((position, row));
                if self.still_wanted() == 0 {
                    return Err(Stop::PageFull);
                }
            }
            let read = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            self.rows_left = self.rows_left.saturating_sub(read);
            if self.rows_left == 0 {
                return Err(Stop::BudgetSpent(last));
            }
            size = (size * 2).min(LARGEST_BATCH);
        }
    }

    /// Adds the rows that the index does not know yet, and makes the page.
    pub(super) async fn finish(
        mut self,
        connection: &mut Connection,
        unindexed: &[u32],
        end: Result<(), Stop<S::Position>>,
    ) -> sqlx::Result<Found<S::Row, S::Position>> {
        let stopped_at = match end {
            Ok(()) | Err(Stop::PageFull) => None,
            Err(Stop::BudgetSpent(position)) => Some(position),
            Err(Stop::Failed(error)) => return Err(error),
        };
        for (_, row) in self.criteria.rows(connection, unindexed).await? {
            if let Some(position) = self.criteria.match_row(&row).filter(|position| !self.was_shown(position))
            {
                self.found.push((position, row));
            }
        }
        self.found.sort_by(|(one, _), (other, _)| self.criteria.compare(one, other));
        // After the position where the search stopped, indexed rows are missing: they belong to the next page.
        if let Some(stop) = &stopped_at {
            self.found.retain(|(position, _)| self.criteria.compare(position, stop).is_le());
        }
        let shown = self.wanted - 1;
        let next = if self.found.len() > shown {
            self.found.truncate(shown);
            self.found.last().map(|(position, _)| position.clone())
        } else {
            stopped_at
        };
        Ok(Found { rows: self.found.into_iter().map(|(_, row)| row).collect(), next })
    }
}
