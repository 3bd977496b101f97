//! What a job is made of.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Counts, FAILED};

/// Grows with each lease of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FencingToken(pub i64);

/// What is done, step by step.
pub struct Job {
    /// Its name; its lease and its instances go by it.
    pub name: &'static str,
    /// In their order; each begins when the one before is completed.
    pub steps: Vec<Box<dyn Step>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(|step| step.name()).collect();
        f.debug_struct("Job").field("name", &self.name).field("steps", &steps).finish()
    }
}

/// A part of a job, worked off in chunks. A step that has no parts is one chunk.
pub trait Step: Send + Sync {
    /// Its name, the only one of it in its job.
    fn name(&self) -> &'static str;

    /// How many items there are to read behind `checkpoint`, or in all where there is none, for those who watch. A step
    /// that is one chunk need not say.
    fn expected<'a>(&'a self, checkpoint: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<u64, StepError>> {
        let _ = checkpoint;
        futures::future::ready(Ok(0)).boxed()
    }

    /// Does the next chunk behind `checkpoint`, or the first where there is none. What it writes must be there once,
    /// although the same chunk may be asked for again; and nothing may be written where a later token than `token` has
    /// been seen, which is to be found out in the transaction that writes.
    fn next_chunk<'a>(
        &'a self,
        checkpoint: Option<&'a Checkpoint>,
        token: FencingToken,
    ) -> BoxFuture<'a, Result<Chunk, StepError>>;
}

/// Where a step stands, in its own words; at most 200 ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint(pub String);

/// A chunk that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What it did.
    pub counts: Counts,
    /// What comes next.
    pub next: Next,
    /// For how long nothing is done before that.
    pub rest: Duration,
}

/// What comes after a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The chunk behind this checkpoint.
    Behind(Checkpoint),
    /// Nothing: the step is completed.
    End,
}

impl Chunk {
    /// The last one of a step.
    pub const fn last(counts: Counts) -> Self {
        Self { counts, next: Next::End, rest: Duration::ZERO }
    }

    /// One that others follow, behind `checkpoint`.
    pub const fn before(counts: Counts, checkpoint: Checkpoint) -> Self {
        Self { counts, next: Next::Behind(checkpoint), rest: Duration::ZERO }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("the step failed")]
pub struct StepError {
    /// In one word, for programs.
    pub(super) exit_code: &'static str,
    #[source]
    pub(super) source: Box<dyn Error + Send + Sync>,
}

impl StepError {
    /// A failure that the job has a word for: at most 32 characters.
    pub fn new(exit_code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit_code, source: source.into() }
    }
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(FAILED, error)
    }
}
