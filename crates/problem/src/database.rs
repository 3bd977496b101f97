//! The errors of the database as problems, so that `?` is all that a handler needs for a read.

use std::error::Error;

use database_error::{SharedError, is_unavailable};

use crate::Problem;

impl Problem {
    /// The answer to an error of the database that an operation does not handle: 503 if the database
    /// [is unavailable](is_unavailable), else 500. The error is kept for the log, with all its causes; nothing of it is shown.
    pub fn database(error: impl Error + Send + Sync + 'static) -> Self {
        if is_unavailable(&error) { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::database(error)
    }
}

impl From<SharedError> for Problem {
    fn from(error: SharedError) -> Self {
        Self::database(error)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn status_of(error: sqlx::Error) -> StatusCode {
        let failing = || -> Result<(), Problem> { Err(error)? };
        failing().expect_err("it fails").status()
    }

    #[test]
    fn an_outage_is_a_503_and_everything_else_a_500() {
        assert_eq!(status_of(sqlx::Error::PoolTimedOut), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status_of(sqlx::Error::RowNotFound), StatusCode::INTERNAL_SERVER_ERROR);
        let shared = Problem::from(SharedError::from(sqlx::Error::PoolClosed));
        assert_eq!(shared.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(shared.cause().is_some_and(|cause| cause.source().is_some()), "the log gets the whole chain");
    }
}
