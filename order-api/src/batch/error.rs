//! Why a job was not run.

use super::execution::JobExecution;

/// Why a job was not run, or why the result of its run is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process runs the job.
    #[error("the job is run by another process: {holder}")]
    Busy {
        /// The other process.
        holder: String,
    },
    /// The job instance is completed. It is never run again.
    #[error("the job instance is completed")]
    AlreadyComplete(Box<JobExecution>),
    /// This process did not renew its lease in time, and another process has acquired it.
    #[error("the lease of the run was lost")]
    LeaseLost,
    /// The schema `batch` could not be read or written.
    #[error("the records of the run could not be read or written")]
    Database(#[from] sqlx::Error),
}
