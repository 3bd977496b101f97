//! Reading the lines of a day while it goes on, so that its proof has little left to read.

use std::time::Duration;

use time::OffsetDateTime;

use super::Settler;
use crate::db::control_sums::{self, LineSums, ReadAhead};
use crate::db::settlement_days;
use crate::domain::day::BusinessDay;

/// Lines that were paid less than this ago are left for later: their transactions may not be at their end.
const LAG: Duration = Duration::from_secs(2 * 60);
/// How much of a day is read in one statement.
const AT_ONCE: Duration = Duration::from_secs(15 * 60);

impl Settler {
    /// Sums up what was paid since the last time, of today, and of yesterday while that is open.
    pub async fn read_ahead(&self) -> sqlx::Result<()> {
        let horizon = self.clock.now() - LAG;
        let closed = settlement_days::closed_through(&mut *self.database.acquire().await?).await?;
        let today = BusinessDay::of(horizon);
        for day in [today.previous(), today] {
            if closed.is_none_or(|closed| closed < day) {
                self.read_day(day, horizon.min(day.end())).await?;
            }
        }
        Ok(())
    }

    async fn read_day(&self, day: BusinessDay, until: OffsetDateTime) -> sqlx::Result<()> {
        loop {
            let mut connection = self.database.acquire().await?;
            let known = control_sums::find(&mut connection, day).await?;
            let begun = ReadAhead { until: day.start(), read: LineSums::default() };
            let before = known.unwrap_or(begun);
            if before.until >= until {
                return Ok(());
            }
            let next = until.min(before.until + AT_ONCE);
            let read = control_sums::of_sales(&mut connection, day, Some(before.until), Some(next)).await?;
            let Some(sum) = before.read.sum.checked_add(read.sum) else { return Ok(()) };
            let lines = before.read.lines + read.lines;
            let now = ReadAhead { until: next, read: LineSums { lines, sum } };
            match known {
                // Where another instance was quicker, nothing is written, and what it has written is read next.
                Some(_) => control_sums::advance(&mut connection, day, before.until, &now).await?,
                None => control_sums::insert(&mut connection, day, &now).await?,
            }
        }
    }
}
