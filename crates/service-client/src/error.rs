//! Why a call to another service failed.

use std::error::Error;

use problem::{Code, Problem};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request could not be made; nothing was sent.
    #[error("the call to {service} could not be put together")]
    Unsent {
        /// The service that was to be called.
        service: String,
        /// What is missing.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No instance is known, or none could be reached, or none was able to answer.
    #[error("{service} is unavailable")]
    Unavailable {
        /// The service that was called.
        service: String,
        /// Why the last try failed; `None` if there was no instance.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// No answer came before the deadline.
    #[error("{service} did not answer in time")]
    Timeout {
        /// The service that was called.
        service: String,
    },
    /// The service refused the call (a 4xx). The call had no effect.
    #[error("{service} refused the call")]
    Refused {
        /// The service that was called.
        service: String,
        /// Its answer.
        #[source]
        problem: Problem,
    },
    /// The service failed (a 5xx), or its answer is not understood.
    #[error("{service} gave no usable answer")]
    BadAnswer {
        /// The service that was called.
        service: String,
        /// What is wrong with the answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl CallError {
    /// The answer of the service, if it refused the call.
    pub fn refusal(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Unsent { .. }
            | Self::Unavailable { .. }
            | Self::Timeout { .. }
            | Self::BadAnswer { .. } => None,
        }
    }

    /// The code of the refusal, if it is one.
    pub fn code(&self) -> Option<Code> {
        self.refusal().and_then(Problem::code)
    }

    /// The label of the outcome in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unsent { .. } => "unsent",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout { .. } => "timeout",
            Self::Refused { .. } => "refused",
            Self::BadAnswer { .. } => "bad_answer",
        }
    }
}

/// For callers that do not handle refusals. Then a refusal is a fault of this service, which is not shown to the client.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unavailable { .. } => Self::unavailable(error),
            CallError::Timeout { .. } => Self::new(Code::GatewayTimeout).caused_by(error),
            CallError::BadAnswer { .. } => Self::new(Code::BadGateway).caused_by(error),
            CallError::Refused { .. } | CallError::Unsent { .. } => Self::internal(error),
        }
    }
}
