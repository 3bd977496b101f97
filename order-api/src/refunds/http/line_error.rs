//! The problem of an order line that was not changed.

use problem::{Code, Problem};

use crate::orders::line::Refusal;
use crate::refunds::change_line::ChangeLineError;

impl From<ChangeLineError> for Problem {
    fn from(error: ChangeLineError) -> Self {
        match error {
            ChangeLineError::NotFound => Problem::new(Code::NotFound),
            ChangeLineError::Refused(Refusal::WindowClosed) => Problem::new(Code::CancelWindowClosed),
            ChangeLineError::Refused(Refusal::WrongState(status)) => {
                Problem::new(Code::LineStateConflict).extra("lineStatus", &status)
            }
            ChangeLineError::TakenOver(taken_over) => taken_over.into(),
            ChangeLineError::AccountClosed => Problem::new(Code::AccountClosed),
            ChangeLineError::DayClosed => Problem::unavailable(error),
            ChangeLineError::Database(_) => Problem::database(error),
        }
    }
}
problem::respond!(ChangeLineError);
