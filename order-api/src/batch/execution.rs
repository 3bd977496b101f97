//! What is recorded of the runs of a job.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::job::{Checkpoint, Counts, FencingToken};

/// The status of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum BatchStatus {
    /// It is running, or its process has died and no other process has noticed yet.
    Started,
    /// All its work is done.
    Completed,
    /// It was stopped, and can be restarted.
    Stopped,
    /// It failed, and can be restarted.
    Failed,
}

impl BatchStatus {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What started an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// It was due.
    Schedule,
    /// An administrator asked for it.
    Request,
    /// An operator asked for it on the command line.
    CommandLine,
}

impl Cause {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One attempt to complete a job instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExecution {
    /// The id.
    pub id: Uuid,
    /// The parameters of the job instance.
    pub job_key: String,
    /// The status.
    pub status: BatchStatus,
    /// How it ended: one word, for programs.
    pub exit_code: Option<String>,
    /// Why it failed.
    pub exit_message: Option<String>,
    /// What started it.
    pub cause: Cause,
    /// The process that runs it.
    pub holder: String,
    /// The fencing token of its lease.
    pub fencing_token: FencingToken,
    /// When it began.
    pub start_time: OffsetDateTime,
    /// When its process last renewed the lease.
    pub last_updated: OffsetDateTime,
    /// When it ended.
    pub end_time: Option<OffsetDateTime>,
    /// The steps that it reached, in order.
    pub steps: Vec<StepExecution>,
}

/// One attempt to complete a step of a job instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepExecution {
    /// The id.
    pub id: Uuid,
    /// The name of the step.
    pub step_name: String,
    /// The status.
    pub status: BatchStatus,
    /// Why it failed.
    pub exit_message: Option<String>,
    /// How many items there were to read when it began.
    pub expected: u64,
    /// What it has read, written and skipped.
    pub counts: Counts,
    /// How many chunks it has done.
    pub commits: u64,
    /// How far it has come.
    pub checkpoint: Option<Checkpoint>,
    /// When it began.
    pub start_time: OffsetDateTime,
    /// When its last chunk was recorded.
    pub last_updated: OffsetDateTime,
    /// When it ended.
    pub end_time: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_parsed_as_it_was_written_and_is_the_same_in_json() {
        for status in BatchStatus::VARIANTS {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for cause in Cause::VARIANTS {
            assert_eq!(cause.as_str().parse(), Ok(*cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
    }
}
