//! The exit codes of executions. A step may have others for its own failures.

/// The execution has done all its work.
pub const COMPLETED: &str = "COMPLETED";
/// The execution was stopped between two chunks.
pub const STOPPED: &str = "STOPPED";
/// The execution failed with an error for which its step has no exit code.
pub const FAILED: &str = "FAILED";
/// The process of the execution did not renew its lease in time.
pub const DIED: &str = "DIED";
