//! Checks the figures of all items against their options, and corrects what is wrong.
//!
//! Every change of stock keeps the figures right. But an older version of this service computes them in another way: its price
//! includes sold-out options, and its sold count includes returned pieces. This worker corrects what such a version has written, or
//! writes while it runs at the same time as this version.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use database::{Connection, Database};
use jobs::Progress;
use tokio_util::sync::CancellationToken;

use super::db;
use crate::search_changes;

/// One round checks the items of this many numbers.
const NUMBERS_AT_ONCE: i64 = 1_000;
/// The pause between two rounds. A million items are checked in about a quarter of an hour.
const PAUSE: Duration = Duration::from_secs(1);

/// Figures were not checked.
#[derive(Debug, thiserror::Error)]
#[error("checking the figures of items failed in the database")]
pub struct CheckFiguresError(#[from] sqlx::Error);

/// Checks the items again and again until `shutdown` is cancelled, some in each round. Every instance runs this worker: to check an
/// item twice does no harm.
pub async fn figures_worker(database: Database, progress: Progress, shutdown: CancellationToken) {
    let next = AtomicI64::new(1);
    let check = || async {
        let checked = check_next(&database, next.load(Ordering::Relaxed)).await?;
        next.store(checked.next.unwrap_or(1), Ordering::Relaxed);
        Ok::<_, CheckFiguresError>(())
    };
    jobs::repeat(&progress, &shutdown, PAUSE, check).await;
}

/// Checks every item once. Returns how many were wrong.
pub async fn check_figures(database: &Database) -> Result<u64, CheckFiguresError> {
    let (mut corrected, mut next) = (0, Some(1));
    while let Some(first) = next {
        let checked = check_next(database, first).await?;
        corrected += checked.corrected;
        next = checked.next;
    }
    Ok(corrected)
}

/// What a round has done.
struct Checked {
    corrected: u64,
    /// The number with which the next round begins. `None` if that was the last round.
    next: Option<i64>,
}

/// Checks the items from the number `first` on.
async fn check_next(database: &Database, first: i64) -> Result<Checked, CheckFiguresError> {
    let last = first + NUMBERS_AT_ONCE - 1;
    let read = database.read("check_item_figures", move |connection| {
        Box::pin(async move {
            let newest = db::items::newest_number(connection).await?.map_or(0, i64::from);
            Ok::<_, sqlx::Error>((newest, db::figures::find(connection, first..=last).await?))
        })
    });
    let (newest, items) = read.await?;
    let mut corrected = 0;
    for (number, _) in items.into_iter().filter(|(_, item)| item.correction().is_some()) {
        let correct = database.run_tx("correct_item_figures", move |connection| {
            Box::pin(async move { Ok::<_, CheckFiguresError>(correct_in(connection, number).await?) })
        });
        corrected += u64::from(correct.await?);
    }
    if corrected > 0 {
        tracing::info!(
            first,
            last,
            corrected,
            "the prices or sold counts of items did not fit their options"
        );
        metrics::counter!("item_figures_corrected_total").increment(corrected);
    }
    Ok(Checked { corrected, next: (last < newest).then_some(last + 1) })
}

/// Corrects an item, unless that has happened meanwhile.
async fn correct_in(connection: &mut Connection, number: i64) -> sqlx::Result<bool> {
    db::figures::lock(connection, number).await?;
    let found = db::figures::find(connection, number..=number).await?;
    let Some(right) = found.get(&number).and_then(super::figures::ItemFigures::correction) else {
        return Ok(false);
    };
    db::figures::update(connection, number, right).await?;
    search_changes::record_facts(connection, number).await?;
    Ok(true)
}
