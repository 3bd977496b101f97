//! Reading the lines of a day while it goes on, so that its proof has little left to read.

use std::time::Duration;

use database::Connection;
use time::OffsetDateTime;

use super::day::BusinessDay;
use super::db::control_sums::{LineSums, ReadAhead};
use super::db::{control_sums, settlement_days};
use super::settler::Settler;

/// What was paid, or accepted to be paid back, less than this ago is left for later: its transaction may not be at its end.
const LAG: Duration = Duration::from_secs(2 * 60);
/// How much of a day is read in one statement.
const AT_ONCE: Duration = Duration::from_secs(15 * 60);

impl Settler {
    /// Sums up what was paid and paid back since the last time, of today, and of yesterday while that is open.
    pub async fn read_ahead(&self) -> sqlx::Result<()> {
        let horizon = self.clock.now() - LAG;
        let closed = self
            .database
            .read("settlement_closed_through", |db| Box::pin(settlement_days::closed_through(db)));
        let closed = closed.await?;
        let today = BusinessDay::of(horizon);
        for day in [today.previous(), today] {
            if closed.is_none_or(|closed| closed < day) {
                self.read_day(day, horizon.min(day.end())).await?;
            }
        }
        Ok(())
    }

    async fn read_day(&self, day: BusinessDay, until: OffsetDateTime) -> sqlx::Result<()> {
        // Its one write comes last, and is one statement.
        let read_part = || {
            self.database
                .run_autocommit("settlement_read_ahead", move |db| Box::pin(read_part(db, day, until)))
        };
        while read_part().await? {}
        Ok(())
    }
}

/// Reads the next part of a day; false where nothing of it is left before `until`.
async fn read_part(
    connection: &mut Connection,
    day: BusinessDay,
    until: OffsetDateTime,
) -> sqlx::Result<bool> {
    let known = control_sums::find(connection, day).await?;
    let from = known.map(|known| known.until);
    let begun = from.unwrap_or(day.start());
    if begun >= until {
        return Ok(false);
    }
    let next = until.min(begun + AT_ONCE);
    let read = control_sums::of_lines(connection, day, from, Some(next)).await?;
    let before = known.map_or_else(LineSums::default, |known| known.read);
    let Some(read) = before.checked_add(read) else { return Ok(false) };
    let now = ReadAhead { until: next, read };
    match from {
        // Where another instance was quicker, nothing is written, and what it has written is read next.
        Some(from) => control_sums::advance(connection, day, from, &now).await?,
        None => control_sums::insert(connection, day, &now).await?,
    }
    Ok(true)
}
