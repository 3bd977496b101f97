//! Summing up the lines of a day while the day goes on, so that its proof has little left to read.

use std::time::Duration;

use database::Connection;
use time::OffsetDateTime;

use super::control_sum::LineSums;
use super::day::BusinessDay;
use super::db::control_sums::{self, ReadAhead};
use super::db::{lines, settlement_days};
use super::resources::Resources;

/// Payments and refunds that are younger than this are left for later, because their transactions may not be finished.
const LAG: Duration = Duration::from_secs(2 * 60);
/// How much of a day one statement reads.
const PART: Duration = Duration::from_secs(15 * 60);

/// Sums up the payments and refunds since the last time: of today, and of yesterday if it is not closed.
pub(super) async fn read_ahead(resources: &Resources) -> sqlx::Result<()> {
    let until = resources.clock.now() - LAG;
    let closed = resources.database.read("settlement_closed_through", |connection| {
        Box::pin(settlement_days::closed_through(connection))
    });
    let closed = closed.await?;
    let today = BusinessDay::of(until);
    for day in [today.previous(), today] {
        if closed.is_none_or(|closed| closed < day) {
            read_day(resources, day, until.min(day.end())).await?;
        }
    }
    Ok(())
}

async fn read_day(resources: &Resources, day: BusinessDay, until: OffsetDateTime) -> sqlx::Result<()> {
    // Not in a transaction: the only write comes last, and is one statement.
    let read_part = || {
        resources.database.run_autocommit("settlement_read_ahead", move |connection| {
            Box::pin(read_part(connection, day, until))
        })
    };
    while read_part().await? {}
    Ok(())
}

/// Reads the next part of a day. Returns false if there is nothing left before `until`.
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
    let next = until.min(begun + PART);
    let part = lines::sum_up(connection, day, from, Some(next)).await?;
    let before = known.map_or_else(LineSums::default, |known| known.read);
    let Some(read) = before.checked_add(part) else { return Ok(false) };
    let now = ReadAhead { until: next, read };
    match from {
        // If another instance has read this part meanwhile, nothing is written, and the next round goes on from there.
        Some(from) => control_sums::advance(connection, day, from, &now).await?,
        None => control_sums::insert(connection, day, &now).await?,
    }
    Ok(true)
}
