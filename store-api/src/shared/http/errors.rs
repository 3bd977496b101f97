//! The answers to errors that several operations share.

use problem::{Code, Problem};

use crate::shared::{EditError, MarkError};

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound => Self::new(Code::NotFound),
            EditError::Changed => Self::new(Code::PreconditionFailed),
            EditError::Database(_) => Self::database(error),
        }
    }
}

impl From<MarkError> for Problem {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::NotFound => Self::new(Code::NotFound),
            MarkError::AccountClosed => Self::new(Code::AccountClosed),
            MarkError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(EditError, MarkError);
