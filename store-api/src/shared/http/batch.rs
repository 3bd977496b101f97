use database::SharedError;
use group_commit::Aborted;
use problem::Problem;

/// What a batch has read for this request and for others. Both errors of a batch become a problem.
pub(crate) fn batch_outcome<T>(read: Result<Result<T, SharedError>, Aborted>) -> Result<T, Problem> {
    Ok(read.unwrap_or_else(|Aborted| Err(sqlx::Error::WorkerCrashed.into()))?)
}
