//! Settlement runs in answers.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::batch::{BatchStatus, Cause, JobExecution, StepExecution};
use crate::settlement::day::BusinessDay;
use crate::settlement::day_of;

/// A run of the settlement of one day. If a run does not complete, the day has another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SettlementRun)]
pub(crate) struct RunBody {
    id: Uuid,
    /// The business day that the run settles.
    day: Option<BusinessDay>,
    status: BatchStatus,
    /// How it ended: COMPLETED, STOPPED, FAILED, DIED, OVERTAKEN or `TOTALS_DIFFER`.
    exit_code: Option<String>,
    /// Why it failed.
    exit_message: Option<String>,
    cause: Cause,
    /// The process that runs it.
    holder: String,
    /// How much of its present step is done, in percent; 100 when it is completed.
    progress: u8,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    /// When its process last reported.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    /// The steps that it reached. A restarted run skips the steps that an earlier run has completed.
    steps: Vec<StepBody>,
}

/// A step of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SettlementStep)]
pub(crate) struct StepBody {
    name: String,
    status: BatchStatus,
    /// How many sellers there are to read.
    expected: u64,
    /// How many sellers were read. In `prove-totals`: how many rows of running totals; a popular seller has several.
    read: u64,
    /// How many settlements were written.
    written: u64,
    /// How many settlements existed already, because a run died before it recorded them.
    skipped: u64,
    /// The number of chunks.
    chunks: u64,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
}

impl From<JobExecution> for RunBody {
    fn from(execution: JobExecution) -> Self {
        Self {
            id: execution.id,
            day: day_of(&execution),
            progress: progress(&execution),
            status: execution.status,
            exit_code: execution.exit_code,
            exit_message: execution.exit_message,
            cause: execution.cause,
            holder: execution.holder,
            started_at: execution.start_time,
            updated_at: execution.last_updated,
            ended_at: execution.end_time,
            steps: execution.steps.into_iter().map(StepBody::from).collect(),
        }
    }
}

impl From<StepExecution> for StepBody {
    fn from(step: StepExecution) -> Self {
        Self {
            name: step.step_name,
            status: step.status,
            expected: step.expected,
            read: step.counts.read,
            written: step.counts.written,
            skipped: step.counts.skipped,
            chunks: step.commits,
            started_at: step.start_time,
            ended_at: step.end_time,
        }
    }
}

fn progress(execution: &JobExecution) -> u8 {
    if execution.status == BatchStatus::Completed {
        return 100;
    }
    let Some(step) = execution.steps.last() else { return 0 };
    let done = step.counts.read.saturating_mul(100).checked_div(step.expected).unwrap_or(0);
    u8::try_from(done).unwrap_or(u8::MAX).min(100)
}
