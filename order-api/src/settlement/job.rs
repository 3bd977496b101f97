//! The steps of the job `settlement`.

use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::day::BusinessDay;
use super::db::{seller_day_totals, settlement_days, settlements};
use super::job_key::JOB;
use super::pace::Pace;
use super::resources::Resources;
use super::{gauges, proof};
use crate::batch::{Checkpoint, Chunk, Counts, FencingToken, Job, Step, StepError};

/// The exit code of a run that found that totals and lines differ.
pub(super) const TOTALS_DIFFER: &str = "TOTALS_DIFFER";
/// The exit code of a run that stopped because a later run works on the same day.
const OVERTAKEN: &str = "OVERTAKEN";

/// Why a chunk was not written.
#[derive(Debug, thiserror::Error)]
enum ChunkError {
    #[error("a later run has come to this day")]
    Overtaken,
    #[error("the settlements could not be written or read")]
    Database(#[from] sqlx::Error),
}

impl From<ChunkError> for StepError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Overtaken => Self::new(OVERTAKEN, error),
            ChunkError::Database(error) => error.into(),
        }
    }
}

/// The job that settles a day.
pub(super) fn settlement_of(resources: &Resources, day: BusinessDay) -> Job {
    let resources = resources.clone();
    Job {
        name: JOB,
        steps: vec![
            Box::new(CloseDay { resources: resources.clone(), day }),
            Box::new(ProveTotals { resources: resources.clone(), day }),
            Box::new(SettleSellers { resources, day }),
        ],
    }
}

struct CloseDay {
    resources: Resources,
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
            let (day, now) = (self.day, self.resources.clock.now());
            let close = self.resources.database.run_tx("settlement_close_day", move |connection| {
                Box::pin(async move { settlement_days::close(connection, day, token, now).await })
            });
            close.await?;
            Ok(Chunk::last(Counts::default()))
        }
        .boxed()
    }
}

struct ProveTotals {
    resources: Resources,
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
            match proof::prove(&self.resources, self.day).await? {
                Ok(total_rows) => Ok(Chunk::last(Counts { read: total_rows, ..Counts::default() })),
                Err(error) => {
                    gauges::show_stopped(true);
                    let (day, chain) = (self.day, telemetry::chain(&error));
                    tracing::error!(%day, error = chain, "settlement stops; nobody is paid for this day");
                    Err(StepError::new(TOTALS_DIFFER, error))
                }
            }
        }
        .boxed()
    }
}

struct SettleSellers {
    resources: Resources,
    day: BusinessDay,
}

impl Step for SettleSellers {
    fn name(&self) -> &'static str {
        "settle-sellers"
    }

    fn expected<'a>(&'a self, checkpoint: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<u64, StepError>> {
        async move {
            let (day, after) = (self.day, seller_of(checkpoint));
            let count = self.resources.database.read("settlement_count_sellers", move |connection| {
                Box::pin(seller_day_totals::count_sellers(connection, day, after))
            });
            Ok(count.await?)
        }
        .boxed()
    }

    /// The checkpoint is the last seller with a settlement. The step reads the same from the table `settlements`, which is
    /// right even if a run died before it recorded its last chunk.
    fn next_chunk<'a>(
        &'a self,
        checkpoint: Option<&'a Checkpoint>,
        token: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>> {
        let (day, recorded) = (self.day, seller_of(checkpoint));
        async move {
            let pace = Pace::now(&self.resources).await;
            let chunk_sellers = self.resources.settings.chunk_sellers;
            let limit = pace.limit().map_or(chunk_sellers, |small| small.min(chunk_sellers));
            let began = Instant::now();
            let chunk = self.resources.database.run_tx("settlement_chunk", move |connection| {
                Box::pin(async move {
                    if !settlement_days::check_token(connection, day, token).await? {
                        return Err(ChunkError::Overtaken);
                    }
                    let written = settlements::last_seller(connection, day).await?.unwrap_or_default();
                    if written > recorded {
                        let skipped = settlements::count_after(connection, day, recorded).await?;
                        let counts = Counts { read: skipped, written: 0, skipped };
                        return Ok(Chunk::up_to(checkpoint_at(written), counts));
                    }
                    let count = settlements::write(connection, day, written, limit).await?;
                    let counts = Counts { read: count, written: count, skipped: 0 };
                    if count < u64::from(limit) {
                        return Ok(Chunk::last(counts));
                    }
                    let last = settlements::last_seller(connection, day).await?.unwrap_or_default();
                    Ok(Chunk::up_to(checkpoint_at(last), counts))
                })
            });
            let chunk: Chunk = chunk.await?;
            Ok(Chunk { pause: pace.pause(began.elapsed()), ..chunk })
        }
        .boxed()
    }
}

/// The seller of a checkpoint. Without a checkpoint it is the nil id, which sorts before all others.
fn seller_of(checkpoint: Option<&Checkpoint>) -> Uuid {
    checkpoint.and_then(|checkpoint| checkpoint.0.parse().ok()).unwrap_or_default()
}

fn checkpoint_at(seller_id: Uuid) -> Checkpoint {
    Checkpoint(seller_id.to_string())
}
