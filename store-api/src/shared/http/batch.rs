use batching::BrokenOff;
use database::SharedError;
use problem::Problem;

/// What a batch has read for this request and for others. Both errors of a batch become a problem.
pub(crate) fn batch_outcome<T>(read: Result<Result<T, SharedError>, BrokenOff>) -> Result<T, Problem> {
    read.unwrap_or_else(|BrokenOff| Err(sqlx::Error::WorkerCrashed.into())).map_err(database::problem)
}
