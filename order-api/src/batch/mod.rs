//! A small batch framework. A job has steps; a step works in chunks. Every chunk takes effect once, also if a process dies.
//!
//! The terms are those of Spring Batch. A [`Job`] with its parameters is a *job instance*, which is completed once. Each
//! attempt to complete it is a *job execution*. It has a *step execution* for each step that it reached, with the numbers
//! of items that were read, written and skipped. All of this is stored in the schema `batch` (`db`).
//!
//! * **One run at a time.** [`Batch::run`] holds the lease of the job and renews it while it works. If its process dies or
//!   stalls, the lease expires and another process acquires it. Each lease has a larger *fencing token* than the one
//!   before, and every write is checked with the token of its run: in the schema `batch` against the lease, and in the
//!   schema that a step works on against the largest token seen there ([`Step::next_chunk`]).
//! * **Restart.** If an execution does not complete, the next execution of the same instance skips the completed steps,
//!   and continues the others after the last recorded chunk.
//! * **Exactly once.** A chunk and its record are two transactions in two schemas. If a run dies between them, the chunk is
//!   done but not recorded. A step detects this from its own data, and skips the items that exist.
//!
//! | file | owns |
//! |---|---|
//! | `job` | what a job consists of |
//! | `execution`, `exit_code` | what is recorded of its runs |
//! | `process` | what a process needs to run jobs |
//! | `lease` | who may run a job |
//! | `run`, `run_step` | running it |
//! | `listener` | who is told about the progress |
//! | `error` | why a job was not run |
//! | `records` | reading the records of earlier runs |

pub mod db;
mod error;
mod execution;
mod exit_code;
mod job;
mod lease;
mod listener;
mod process;
mod records;
mod run;
mod run_step;

pub use error::RunError;
pub use execution::{BatchStatus, Cause, JobExecution, StepExecution};
pub use exit_code::{COMPLETED, DIED, FAILED, STOPPED};
pub use job::{Checkpoint, Chunk, Counts, FencingToken, Job, Next, Step, StepError};
pub use listener::{Listener, NoListener};
pub use process::Batch;
