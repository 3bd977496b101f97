//! What a job consists of.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::exit_code::FAILED;

/// A number that grows with each lease of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FencingToken(pub i64);

/// A list of steps with a name.
pub struct Job {
    /// The name. The lease and the instances of the job are stored by it.
    pub name: &'static str,
    /// The steps, in order. Each begins when the one before is completed.
    pub steps: Vec<Box<dyn Step>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(|step| step.name()).collect();
        f.debug_struct("Job").field("name", &self.name).field("steps", &steps).finish()
    }
}

/// A step of a job. It works in chunks; a step that cannot be divided is one chunk.
pub trait Step: Send + Sync {
    /// The name. It is unique in the job.
    fn name(&self) -> &'static str;

    /// How many items there are to read after `checkpoint`, or in all if it is `None`. It is only shown. A step of one
    /// chunk need not know.
    fn expected<'a>(&'a self, checkpoint: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<u64, StepError>> {
        let _ = checkpoint;
        futures::future::ready(Ok(0)).boxed()
    }

    /// Does the next chunk after `checkpoint`, or the first one if it is `None`.
    ///
    /// The same chunk may be requested again, and must still take effect once. Nothing may be written if a larger token
    /// than `token` has been seen; the transaction that writes must check this.
    fn next_chunk<'a>(
        &'a self,
        checkpoint: Option<&'a Checkpoint>,
        token: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>>;
}

/// How far a step has come, in a format of its own; at most 200 ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint(pub String);

/// Numbers of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many items were read.
    pub read: u64,
    /// How many items were written.
    pub written: u64,
    /// How many items existed already.
    pub skipped: u64,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            read: self.read + other.read,
            written: self.written + other.written,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// A chunk that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The items of the chunk.
    pub counts: Counts,
    /// What comes next.
    pub next: Next,
    /// How long the run pauses before the next chunk.
    pub pause: Duration,
}

/// What comes after a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The chunk after this checkpoint.
    After(Checkpoint),
    /// Nothing: the step is completed.
    End,
}

impl Chunk {
    /// The last chunk of a step.
    pub const fn last(counts: Counts) -> Self {
        Self { counts, next: Next::End, pause: Duration::ZERO }
    }

    /// A chunk up to `checkpoint`; another one follows.
    pub const fn up_to(checkpoint: Checkpoint, counts: Counts) -> Self {
        Self { counts, next: Next::After(checkpoint), pause: Duration::ZERO }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("the step failed")]
pub struct StepError {
    /// One word, for programs.
    pub(super) exit_code: &'static str,
    #[source]
    pub(super) source: Box<dyn Error + Send + Sync>,
}

impl StepError {
    /// A failure with an exit code of the job's own: at most 32 characters.
    pub fn new(exit_code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit_code, source: source.into() }
    }
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(FAILED, error)
    }
}
