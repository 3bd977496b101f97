//! The reasons why a request or its answer is not forwarded, and the only place that turns them into problems.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::LengthLimitError;
use problem::{Code, Problem};
use tower::BoxError;

use crate::upstream::ConnectError;

/// The errors of the steps in [`crate::endpoint`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// HTTP demands exactly one host.
    #[error("the request has no host, or more than one")]
    BadHost,
    /// The gateway could not check a connection after a switch to another protocol.
    #[error("the request asks for another protocol")]
    Upgrade,
    /// The body is coded for the transfer in another way than by chunks.
    #[error("the request has another transfer coding than chunked")]
    TransferCoding,
    /// See [`crate::path`].
    #[error("the path can be read in more than one way")]
    AmbiguousPath,
    /// The token is missing or invalid, or the role is wrong.
    #[error("the caller may not use this route")]
    Access(#[source] Problem),
    /// See [`crate::revocations`].
    #[error("the session has ended")]
    SessionEnded,
    /// member-api has not answered yet which sessions are revoked.
    #[error("the revoked sessions are not known yet")]
    RevocationsUnknown,
    /// The body is larger than a service accepts.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The client disconnected, or the framing of the body is invalid.
    #[error("the body is incomplete")]
    BodyIncomplete(#[source] BoxError),
    /// There is no instance to send the request to.
    #[error("{service} has no available instance")]
    NoInstance { service: Arc<str>, retry_after: Duration },
    /// See [`crate::upstream`].
    #[error("the circuit breaker of {service} is open")]
    BreakerOpen { service: Arc<str>, retry_after: Duration },
    /// The service has more requests than it can answer in time.
    #[error("{service} has too many requests at once")]
    Overloaded { service: Arc<str>, retry_after: Duration },
    /// None of the tried instances has received the request.
    #[error("no instance of {service} could be reached")]
    Unreachable {
        service: Arc<str>,
        retry_after: Duration,
        #[source]
        source: ConnectError,
    },
    /// The request may or may not have taken effect.
    #[error("the connection to {service} was lost before it answered")]
    ConnectionLost {
        service: Arc<str>,
        #[source]
        source: hyper::Error,
    },
    /// The service switched the protocol without being asked.
    #[error("{service} answered with another protocol")]
    SwitchedProtocols { service: Arc<str> },
    /// An answer that should be compressed.
    #[error("the answer of the service is incomplete")]
    AnswerIncomplete(#[source] BoxError),
    /// The library has refused to compress an answer.
    #[error("an answer could not be compressed")]
    NotCompressed(#[source] io::Error),
    /// The request may still take effect.
    #[error("{service} did not answer within {limit:?}")]
    Timeout { service: Arc<str>, limit: Duration },
}

impl Refusal {
    /// Whether the service has failed. It has not if nobody was asked, or if the client's body is at fault.
    pub(crate) fn is_failure_of_service(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::ConnectionLost { .. }
                | Self::SwitchedProtocols { .. }
                | Self::Timeout { .. }
        )
    }

    /// Converts the error of reading a request's body. If the body was too large, the chain of sources says so.
    pub(crate) fn from_body_error(error: BoxError) -> Self {
        let mut chain =
            std::iter::successors(Some(&*error as &(dyn Error + 'static)), |&error| error.source());
        if chain.any(<dyn Error>::is::<LengthLimitError>) {
            Self::BodyTooLarge
        } else {
            Self::BodyIncomplete(error)
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadHost => Self::new(Code::BadRequest).detail("exactly one valid Host is needed"),
            Refusal::Upgrade => {
                Self::new(Code::BadRequest).detail("connections are not switched to another protocol")
            }
            Refusal::TransferCoding => {
                Self::new(Code::BadRequest).detail("chunked is the only transfer coding that is supported")
            }
            Refusal::AmbiguousPath => Self::new(Code::NotFound),
            Refusal::Access(problem) => problem,
            Refusal::SessionEnded => Self::new(Code::Unauthenticated).detail("the session has ended"),
            Refusal::RevocationsUnknown => Self::unavailable(refusal),
            Refusal::BodyTooLarge => Self::new(Code::BodyTooLarge),
            Refusal::BodyIncomplete(_) => Self::new(Code::BadRequest).detail("the body is incomplete"),
            // The request has not taken effect, so it can be sent again.
            Refusal::NoInstance { ref service, retry_after }
            | Refusal::Unreachable { ref service, retry_after, .. } => Self::new(Code::ServiceUnavailable)
                .detail(format!("{service} is down"))
                .retry_after(retry_after)
                .caused_by(refusal),
            // No cause, because it is no news: there is a log line when the breaker opens, and a metric of both.
            Refusal::BreakerOpen { service, retry_after } => Self::new(Code::ServiceUnavailable)
                .detail(format!("{service} does not answer"))
                .retry_after(retry_after),
            Refusal::Overloaded { service, retry_after } => Self::new(Code::ServiceUnavailable)
                .detail(format!("{service} has too many requests at once"))
                .retry_after(retry_after),
            Refusal::ConnectionLost { .. }
            | Refusal::SwitchedProtocols { .. }
            | Refusal::AnswerIncomplete(_) => Self::new(Code::BadGateway).caused_by(refusal),
            Refusal::NotCompressed(_) => Self::internal(refusal),
            Refusal::Timeout { .. } => Self::new(Code::GatewayTimeout).caused_by(refusal),
        }
    }
}
