//! What is recorded of a job.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Checkpoint, FencingToken};

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BatchStatus {
    /// It runs, or its process has died and nobody has noticed yet.
    Started,
    /// All is done.
    Completed,
    /// It was asked to stop, and can be restarted.
    Stopped,
    /// It failed, and can be restarted.
    Failed,
}

impl BatchStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Started, Self::Completed, Self::Stopped, Self::Failed];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Completed => "COMPLETED",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What started an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// It was due.
    Schedule,
    /// An administrator asked for it.
    Request,
    /// An operator did, on the command line.
    CommandLine,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Schedule, Self::Request, Self::CommandLine];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "SCHEDULE",
            Self::Request => "REQUEST",
            Self::CommandLine => "COMMAND_LINE",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }
}

/// What was done with items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many were read.
    pub read: u64,
    /// How many were written.
    pub written: u64,
    /// How many were there already.
    pub skipped: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            read: self.read + other.read,
            written: self.written + other.written,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// One try to complete a job instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExecution {
    /// Its own id.
    pub id: Uuid,
    /// The parameters of its instance.
    pub job_key: String,
    /// Where it stands.
    pub status: BatchStatus,
    /// How it ended, in a word.
    pub exit_code: Option<String>,
    /// Why it failed.
    pub exit_message: Option<String>,
    /// What it was started by.
    pub cause: Cause,
    /// The process that ran it.
    pub holder: String,
    /// The token of its lease.
    pub fencing_token: FencingToken,
    /// When it began.
    pub start_time: OffsetDateTime,
    /// When it was last heard of.
    pub last_updated: OffsetDateTime,
    /// When it ended.
    pub end_time: Option<OffsetDateTime>,
    /// The steps that it came to, in their order.
    pub steps: Vec<StepExecution>,
}

/// One try to complete a step of a job instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepExecution {
    /// Its own id.
    pub id: Uuid,
    /// Which step.
    pub step_name: String,
    /// Where it stands.
    pub status: BatchStatus,
    /// Why it failed.
    pub exit_message: Option<String>,
    /// How many items there were to read in all, when it began.
    pub expected: u64,
    /// What it did.
    pub counts: Counts,
    /// In how many chunks.
    pub commits: u64,
    /// Where its next chunk begins.
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
    fn every_word_is_read_back_as_it_was_written_and_is_the_same_in_json() {
        for status in BatchStatus::ALL {
            assert_eq!(BatchStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
    }
}
