//! Which days are settled, and when.

use clock::Clock;
use database::Database;
use uuid::Uuid;

use super::day::BusinessDay;
use super::db::seller_day_totals;
use super::job_key::{JOB, day_of_key, key_of};
use super::resources::Resources;
use super::{gauges, job, read_ahead};
use crate::batch::{Batch, BatchStatus, Cause, JobExecution, Listener, RunError};
use crate::settings::SettlementSettings;

/// Settles days. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settler {
    pub(super) resources: Resources,
    batch: Batch,
}

/// Why a day was not settled, or not by this process.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The day is not over in Asia/Seoul.
    #[error("{0} is not over in Asia/Seoul")]
    DayNotOver(BusinessDay),
    /// The run could not begin, or could not be recorded.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The schema `orders` or `batch` could not be read.
    #[error("the settled days could not be read")]
    Database(#[from] sqlx::Error),
}

/// The run of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The execution.
    pub execution: JobExecution,
    /// Whether it was run now. Otherwise the day was settled before.
    pub is_new: bool,
}

impl Settler {
    /// Settles the orders in `database`; `batch` runs the job.
    pub fn new(database: Database, batch: Batch, clock: Clock, settings: SettlementSettings) -> Self {
        Self { resources: Resources { database, clock, settings }, batch }
    }

    /// Settles all days that are due, the oldest first. Stops at a day whose run fails.
    pub async fn settle_due(&self, listener: &dyn Listener) -> Result<(), SettleError> {
        let last = self.last_due();
        loop {
            let next = self.next_unsettled().await?;
            gauges::show_progress(next, last);
            let Some(day) = next.filter(|next| *next <= last) else {
                gauges::show_stopped(false);
                return Ok(());
            };
            if self.is_stopped_at(day).await? {
                gauges::show_stopped(true);
                return Ok(());
            }
            let settled = self.run(day, Cause::Schedule, listener).await?;
            if settled.execution.status != BatchStatus::Completed {
                return Ok(());
            }
        }
    }

    /// Settles the day `last`, after the days before it that are not settled. Returns the run of that day, or the run of
    /// an earlier day if that did not complete.
    pub async fn settle_through(
        &self,
        last: BusinessDay,
        cause: Cause,
        listener: &dyn Listener,
    ) -> Result<Settled, SettleError> {
        if self.resources.clock.now() < last.end() {
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
        let job = job::settlement_of(&self.resources, day);
        match self.batch.run(&job, &key_of(day), cause, listener).await {
            Ok(execution) => Ok(Settled { execution, is_new: true }),
            Err(RunError::AlreadyComplete(execution)) => Ok(Settled { execution: *execution, is_new: false }),
            Err(error) => Err(error.into()),
        }
    }

    /// Sums up the order lines of the days that are not closed. See `read_ahead`.
    pub async fn read_ahead(&self) -> sqlx::Result<()> {
        read_ahead::read_ahead(&self.resources).await
    }

    /// The runs of one day or of all days, the newest first; only those that began before the run `before`.
    pub async fn runs(
        &self,
        day: Option<BusinessDay>,
        before: Option<Uuid>,
        rows: u32,
    ) -> sqlx::Result<Vec<JobExecution>> {
        self.batch.executions(JOB, day.map(key_of), before, rows).await
    }

    /// The first day that is not settled; `None` if nothing was ever sold. Days before the first sale do not count.
    pub async fn next_unsettled(&self) -> sqlx::Result<Option<BusinessDay>> {
        let first = self
            .resources
            .database
            .read("settlement_first_day", |connection| Box::pin(seller_day_totals::first_day(connection)));
        let first = first.await?;
        let last_settled = self.batch.last_completed(JOB).await?;
        let last_settled = last_settled.as_deref().and_then(day_of_key);
        Ok(first.map(|first| last_settled.map_or(first, |settled| settled.next().max(first))))
    }

    /// The last day that is due.
    fn last_due(&self) -> BusinessDay {
        let now = self.resources.clock.now();
        let yesterday = BusinessDay::of(now).previous();
        let is_due = self.resources.settings.due(yesterday) <= now;
        if is_due { yesterday } else { yesterday.previous() }
    }

    /// Whether the last run of a day found that totals and lines differ. The schedule does not run such a day again: an
    /// administrator has to look at it.
    async fn is_stopped_at(&self, day: BusinessDay) -> sqlx::Result<bool> {
        let last = self.batch.last_execution(JOB, key_of(day)).await?;
        Ok(last.is_some_and(|last| last.exit_code.as_deref() == Some(job::TOTALS_DIFFER)))
    }
}
