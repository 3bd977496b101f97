//! A small batch framework: jobs of steps that are worked off in chunks, once, whatever dies meanwhile.
//!
//! The words are Spring Batch's where they mean the same. A [`Job`] has steps; with its parameters it is a *job instance*,
//! which is completed once; each try is a *job execution*, and has a *step execution* for each step that it came to, with
//! counts of what was read, written and skipped. All of it stands in the schema `batch` ([`crate::batch::db`]).
//!
//! * **One run at a time.** [`Batch::run`] holds the job's lease, renewed while it works. A lease that ran out, because
//!   its process died or stood still, is taken by the next one. Each lease has a larger *fencing token* than the one
//!   before, and every write names the token of its run: here, where it is compared with the lease, and in the schema
//!   that a step works on, where the step compares it with the last one that it saw ([`Step::next_chunk`]).
//! * **Restart.** An execution that did not complete is followed by another one of the same instance. Steps that were
//!   completed are left out, and the others go on behind the last chunk that was recorded.
//! * **Exactly once.** What a chunk does and its record are two transactions, in two schemas, so a run that dies between
//!   them leaves a chunk that is done and not recorded. A step finds that out from its own data and skips what is there.
//!
//! | file | owns |
//! |---|---|
//! | `job` | what a job is made of |
//! | `execution` | what is recorded of it |
//! | `lease` | who may run it |
//! | `run` | running it |

mod execution;
mod job;
mod lease;
mod run;

use std::time::Duration;

use clock::Clock;
use database::Database;

pub use execution::{BatchStatus, Cause, Counts, JobExecution, StepExecution};
pub use job::{Checkpoint, Chunk, FencingToken, Job, Next, Step, StepError};
pub use run::{Listener, Quiet, RunError};

/// The exit code of an execution that did all there was to do.
pub const COMPLETED: &str = "COMPLETED";
/// The exit code of an execution that was asked to stop between two chunks.
pub const STOPPED: &str = "STOPPED";
/// The exit code of an execution that met an error for which its step has no word.
pub const FAILED: &str = "FAILED";
/// The exit code of an execution whose process was not heard of until its lease ran out.
pub const DIED: &str = "DIED";

/// Runs jobs, and tells of their runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    database: Database,
    clock: Clock,
    /// For how long a run belongs to its process when nothing is heard of it.
    lease: Duration,
    /// This process, as the records name it.
    holder: String,
    /// Is cancelled when the process ends.
    ending: tokio_util::sync::CancellationToken,
}

impl Batch {
    /// Over the schema `batch`. Runs stop between two chunks when `ending` is cancelled.
    pub fn new(
        database: Database,
        clock: Clock,
        lease: Duration,
        ending: tokio_util::sync::CancellationToken,
    ) -> Self {
        let holder = format!("{}, process {}", clock.new_id(), std::process::id());
        Self { database, clock, lease, holder, ending }
    }

    /// The schema `batch`.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
