//! Why a call to another service gave no result.

use std::error::Error;

use problem::{Code, Problem};

/// What became of a call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The call could not be put together; nothing was sent.
    #[error("the call to {service} could not be put together")]
    Unsent {
        /// Who was to be called.
        service: String,
        /// What is missing.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No instance is known, or none could be reached or was able to answer.
    #[error("{service} is unavailable")]
    Unavailable {
        /// Who was called.
        service: String,
        /// What happened at the last try; `None` where there was no instance to try.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// No answer came before the deadline.
    #[error("{service} did not answer in time")]
    Timeout {
        /// Who was called.
        service: String,
    },
    /// The service decided against it (a 4xx): the call had no effect.
    #[error("{service} refused the call")]
    Refused {
        /// Who was called.
        service: String,
        /// What it answered.
        #[source]
        problem: Problem,
    },
    /// The service failed (a 5xx), or its answer is not understood.
    #[error("{service} gave no usable answer")]
    BadAnswer {
        /// Who was called.
        service: String,
        /// What is wrong with the answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl PeerError {
    /// What the service answered, where it refused.
    pub fn refusal(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Unsent { .. }
            | Self::Unavailable { .. }
            | Self::Timeout { .. }
            | Self::BadAnswer { .. } => None,
        }
    }

    /// The code of the refusal, where it is one.
    pub fn code(&self) -> Option<Code> {
        self.refusal().and_then(Problem::code)
    }

    /// The outcome, as metrics name it.
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

/// For callers to whom a refusal is nothing to handle: then it is a fault of ours, and no business of the client's.
impl From<PeerError> for Problem {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Unavailable { .. } => Self::unavailable(error),
            PeerError::Timeout { .. } => Self::new(Code::GatewayTimeout).caused_by(error),
            PeerError::BadAnswer { .. } => Self::new(Code::BadGateway).caused_by(error),
            PeerError::Refused { .. } | PeerError::Unsent { .. } => Self::internal(error),
        }
    }
}
