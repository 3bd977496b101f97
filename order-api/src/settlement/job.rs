//! The steps of the job `settlement`.

use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::day::BusinessDay;
use super::db::{seller_day_totals, settlement_days, settlements};
use super::settler::Settler;
use super::{gauges, proof};
use crate::batch::{Checkpoint, Chunk, Counts, FencingToken, Job, Step, StepError};

/// The job's name.
pub const JOB: &str = "settlement";
/// The exit code of a run that found the totals of a day different from its lines.
pub const TOTALS_DIFFER: &str = "TOTALS_DIFFER";
/// The exit code of a run that was overtaken by a later one.
const OVERTAKEN: &str = "OVERTAKEN";

const KEY_PREFIX: &str = "day=";

/// A later run has come to the day.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("a later run has come to this day")]
    Overtaken,
    #[error("the settlements could not be written or read")]
    Database(#[from] sqlx::Error),
}

impl From<Stopped> for StepError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Overtaken => Self::new(OVERTAKEN, stopped),
            Stopped::Database(error) => error.into(),
        }
    }
}

/// The parameters of a day's run.
pub(super) fn key_of(day: BusinessDay) -> String {
    format!("{KEY_PREFIX}{day}")
}

/// The day of a run with these parameters.
pub(super) fn day_of(job_key: &str) -> Option<BusinessDay> {
    job_key.strip_prefix(KEY_PREFIX)?.parse().ok()
}

/// The job that settles a day.
pub(super) fn settlement_of(settler: &Settler, day: BusinessDay) -> Job {
    let settler = settler.clone();
    Job {
        name: JOB,
        steps: vec![
            Box::new(CloseDay { settler: settler.clone(), day }),
            Box::new(ProveTotals { settler: settler.clone(), day }),
            Box::new(SettleSellers { settler, day }),
        ],
    }
}

struct CloseDay {
    settler: Settler,
    day: BusinessDay,
}

impl Step for CloseDay {
    fn name(&self) -> &'static str {
        "close-day"
    }

    fn next_chunk<'a>(
        &'a self,
        _: Option<&'a Checkpoint>,
        token: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>> {
        async move {
            let (day, now) = (self.day, self.settler.clock.now());
            let closed = self.settler.database.run_tx("settlement_close_day", move |tx| {
                Box::pin(async move { settlement_days::close(tx, day, token, now).await })
            });
            closed.await?;
            Ok(Chunk::last(Counts::default()))
        }
        .boxed()
    }
}

struct ProveTotals {
    settler: Settler,
    day: BusinessDay,
}

impl Step for ProveTotals {
    fn name(&self) -> &'static str {
        "prove-totals"
    }

    fn next_chunk<'a>(
        &'a self,
        _: Option<&'a Checkpoint>,
        _: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>> {
        async move {
            match proof::prove(&self.settler, self.day).await? {
                Ok(total_rows) => Ok(Chunk::last(Counts { read: total_rows, ..Counts::default() })),
                Err(differ) => {
                    gauges::alarm(true);
                    tracing::error!(day = %self.day, error = telemetry::chain(&differ), "settlement stops; nobody is paid for this day");
                    Err(StepError::new(TOTALS_DIFFER, differ))
                }
            }
        }
        .boxed()
    }
}

struct SettleSellers {
    settler: Settler,
    day: BusinessDay,
}

impl Step for SettleSellers {
    fn name(&self) -> &'static str {
        "settle-sellers"
    }

    fn expected<'a>(&'a self, checkpoint: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<u64, StepError>> {
        async move {
            let (day, after) = (self.day, seller_at(checkpoint));
            let count = self.settler.database.read("settlement_count_sellers", move |db| {
                Box::pin(seller_day_totals::count_sellers(db, day, after))
            });
            Ok(count.await?)
        }
        .boxed()
    }

    /// The checkpoint is the last seller whose settlement is written. The settlements themselves say the same, and are
    /// asked: they are right also where a run died before it recorded its last chunk.
    fn next_chunk<'a>(
        &'a self,
        checkpoint: Option<&'a Checkpoint>,
        token: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>> {
        let (day, recorded) = (self.day, seller_at(checkpoint));
        async move {
            let pace = self.settler.pace().await;
            let chunk_sellers = self.settler.settings.chunk_sellers;
            let limit = pace.limit().map_or(chunk_sellers, |small| small.min(chunk_sellers));
            let began = Instant::now();
            let chunk = self.settler.database.run_tx("settlement_chunk", move |tx| {
                Box::pin(async move {
                    if !settlement_days::pass_fence(tx, day, token).await? {
                        return Err(Stopped::Overtaken);
                    }
                    let written = settlements::written_through(tx, day).await?.unwrap_or_default();
                    if written > recorded {
                        let skipped = settlements::count_after(tx, day, recorded).await?;
                        let counts = Counts { read: skipped, written: 0, skipped };
                        return Ok(Chunk::before(counts, behind(written)));
                    }
                    let count = settlements::write(tx, day, written, limit).await?;
                    let counts = Counts { read: count, written: count, skipped: 0 };
                    if count < u64::from(limit) {
                        return Ok(Chunk::last(counts));
                    }
                    let last = settlements::written_through(tx, day).await?.unwrap_or_default();
                    Ok(Chunk::before(counts, behind(last)))
                })
            });
            let chunk: Chunk = chunk.await?;
            Ok(Chunk { rest: pace.rest(began.elapsed()), ..chunk })
        }
        .boxed()
    }
}

/// The seller that a checkpoint names; none sorts before all.
fn seller_at(checkpoint: Option<&Checkpoint>) -> Uuid {
    checkpoint.and_then(|checkpoint| checkpoint.0.parse().ok()).unwrap_or_default()
}

fn behind(seller_id: Uuid) -> Checkpoint {
    Checkpoint(seller_id.to_string())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn the_parameters_of_a_run_name_its_day() {
        let day = BusinessDay::from_date(date!(2026 - 11 - 22));
        assert_eq!(key_of(day), "day=2026-11-22");
        assert_eq!(day_of(&key_of(day)), Some(day));
        assert_eq!((day_of("2026-11-22"), day_of("day=2026-11-31")), (None, None));
    }
}
