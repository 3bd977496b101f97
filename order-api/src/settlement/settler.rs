//! Settling days: the job that turns a day's running totals into what each seller is owed.
//!
//! The job `settlement` has the day as its parameter, and three steps:
//!
//! 1. `close-day`: from here on nobody begins to add to the totals of the day ([`crate::settlement::db::settlement_days`] says how).
//! 2. `prove-totals`: whoever has added and is not at its end is waited for, and the totals are compared with the day's
//!    lines (`proof`). Where they differ, the run fails before anything is written that could be paid, and no later day is
//!    settled until an administrator has run this one.
//! 3. `settle-sellers`: a settlement for each seller, in chunks, made of the totals within the database.
//!
//! Days are settled in their order, each when it is due and all before it are settled; a missed day is caught up.
//!
//! | file | owns |
//! |---|---|
//! | `job` | the steps |
//! | `proof` | the proof of totals against lines |
//! | `pace` | leaving the database to those who buy |
//! | `read_ahead` | reading the lines of a big day while it goes on |
//! | `worker` | doing it when it is due, in every instance |
//! | `gauges` | what the metrics say of it |

mod gauges;
mod job;
mod pace;
mod proof;
mod read_ahead;
mod worker;

use clock::Clock;
use database::Database;

use super::day::BusinessDay;
use super::db::seller_day_totals;
use crate::batch::db::executions::Filter;
use crate::batch::db::executions;
use crate::batch::{Batch, BatchStatus, Cause, JobExecution, Listener, RunError, db};
use crate::settings::SettlementSettings;

pub use job::{JOB, TOTALS_DIFFER};
pub(crate) use worker::SILENCE;

/// Settles days. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settler {
    /// The schema `orders`.
    database: Database,
    batch: Batch,
    clock: Clock,
    settings: SettlementSettings,
}

/// Why a day was not settled, or not by us.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The day is not over in Asia/Seoul.
    #[error("{0} is not over in Asia/Seoul")]
    DayNotOver(BusinessDay),
    /// The run could not be begun, or recorded.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The schema `orders` or `batch` could not be read.
    #[error("what is settled could not be read")]
    Database(#[from] sqlx::Error),
}

/// A run, or the one before that left nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The execution.
    pub execution: JobExecution,
    /// Whether it was run now.
    pub is_new: bool,
}

impl Settler {
    /// Settles the orders of `database`, one run at a time by `batch`.
    pub fn new(database: Database, batch: Batch, clock: Clock, settings: SettlementSettings) -> Self {
        Self { database, batch, clock, settings }
    }

    /// Settles whatever is due: every day whose time has come, the missed ones first. Stops at one that fails.
    pub async fn settle_due(&self, listener: &dyn Listener) -> Result<(), SettleError> {
        let last = self.last_due();
        loop {
            let next = self.next_unsettled().await?;
            gauges::show(next, last);
            let Some(day) = next.filter(|next| *next <= last) else {
                gauges::alarm(false);
                return Ok(());
            };
            if self.is_stopped_at(day).await? {
                gauges::alarm(true);
                return Ok(());
            }
            let settled = self.run(day, Cause::Schedule, listener).await?;
            if settled.execution.status != BatchStatus::Completed {
                return Ok(());
            }
        }
    }

    /// Settles a day that is over, after those before it that are not settled. Gives the run of that day, or of an earlier
    /// one that did not come to its end.
    pub async fn settle_through(
        &self,
        last: BusinessDay,
        cause: Cause,
        listener: &dyn Listener,
    ) -> Result<Settled, SettleError> {
        if self.clock.now() < last.end() {
            return Err(SettleError::DayNotOver(last));
        }
        let mut day = self.next_unsettled().await?.map_or(last, |next| next.min(last));
        loop {
            let settled = self.run(day, cause, listener).await?;
            if day == last || settled.execution.status != BatchStatus::Completed {
                return Ok(settled);
            }
            day = day.next();
        }
    }

    async fn run(
        &self,
        day: BusinessDay,
        cause: Cause,
        listener: &dyn Listener,
    ) -> Result<Settled, SettleError> {
        let job = job::settlement_of(self, day);
        match self.batch.run(&job, &job::key_of(day), cause, listener).await {
            Ok(execution) => Ok(Settled { execution, is_new: true }),
            Err(RunError::AlreadyComplete(execution)) => Ok(Settled { execution: *execution, is_new: false }),
            Err(error) => Err(error.into()),
        }
    }

    /// The runs, of one day or of all, the last one first.
    pub async fn runs(
        &self,
        day: Option<BusinessDay>,
        before: Option<uuid::Uuid>,
        rows: u32,
    ) -> sqlx::Result<Vec<JobExecution>> {
        let filter = Filter { job_key: day.map(job::key_of), before };
        let list = self.batch.database().read("batch_executions_list", move |db| {
            Box::pin(async move { executions::list(db, JOB, &filter, rows).await })
        });
        list.await
    }

    /// The first day that is not settled; `None` where nothing was ever sold. Days before the first sale are left out.
    pub async fn next_unsettled(&self) -> sqlx::Result<Option<BusinessDay>> {
        let first =
            self.database.read("settlement_first_day", |db| Box::pin(seller_day_totals::first_day(db)));
        let first = first.await?;
        let done = self
            .batch
            .database()
            .read("batch_last_completed", |db| Box::pin(executions::last_completed(db, JOB)));
        let done = done.await?;
        let done = done.as_deref().and_then(job::day_of);
        Ok(first.map(|first| done.map_or(first, |done| done.next().max(first))))
    }

    /// The last day whose time has come.
    fn last_due(&self) -> BusinessDay {
        let now = self.clock.now();
        let yesterday = BusinessDay::of(now).previous();
        let is_due = self.settings.due(yesterday) <= now;
        if is_due { yesterday } else { yesterday.previous() }
    }

    /// Whether the last run of a day found totals and lines different. It is not run by itself again: somebody has to look.
    async fn is_stopped_at(&self, day: BusinessDay) -> sqlx::Result<bool> {
        let last = self.batch.database().read("batch_last_of", move |db| {
            Box::pin(async move { executions::last_of(db, JOB, &job::key_of(day)).await })
        });
        Ok(last.await?.is_some_and(|last| last.exit_code.as_deref() == Some(TOTALS_DIFFER)))
    }
}

/// The day of a run.
pub fn day_of(execution: &JobExecution) -> Option<BusinessDay> {
    job::day_of(&execution.job_key)
}
