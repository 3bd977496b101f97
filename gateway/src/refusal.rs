//! Why a request is not passed on, or its answer not passed back, and the one place that says so to the client.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::LengthLimitError;
use problem::{Code, Problem};
use tower::BoxError;

/// What the layers of [`crate::stack`] raise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// HTTP demands exactly one.
    #[error("the request has no host, or more than one")]
    BadHost,
    /// We speak HTTP/1.1 and nothing else.
    #[error("the request asks for another protocol")]
    Upgrade,
    /// See [`crate::path`].
    #[error("the path can be read in more than one way")]
    AmbiguousPath,
    /// Who calls is not known, or may not.
    #[error("the caller may not use this route")]
    Access(#[source] Problem),
    /// See [`crate::revocations`].
    #[error("the session has ended")]
    SessionEnded,
    /// Nobody has said so far which sessions have ended.
    #[error("the sessions that have ended are not known")]
    RevocationsUnknown,
    /// More than a service would take.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The client went away, or broke the framing of its body.
    #[error("the body broke off")]
    BodyBrokenOff(#[source] BoxError),
    /// Nothing to send the request to.
    #[error("{service} has no instance that is up")]
    NoInstance { service: Arc<str>, retry_after: Duration },
    /// No instance that was tried has received the request.
    #[error("no instance of {service} could be reached")]
    NotReached {
        service: Arc<str>,
        retry_after: Duration,
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// It may or may not have taken effect.
    #[error("{service} broke off before it answered")]
    BrokenOff {
        service: Arc<str>,
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// Nobody had asked for it.
    #[error("{service} answered with another protocol")]
    SwitchedProtocols { service: Arc<str> },
    /// It may still take effect.
    #[error("{service} did not answer within {limit:?}")]
    TooSlow { service: Arc<str>, limit: Duration },
}

impl Refusal {
    /// Why the body of a request could not be read. `error` is of whoever read it; the limit is somewhere beneath.
    pub(crate) fn of_body(error: BoxError) -> Self {
        let mut chain =
            std::iter::successors(Some(&*error as &(dyn Error + 'static)), |&error| error.source());
        if chain.any(<dyn Error>::is::<LengthLimitError>) {
            Self::BodyTooLarge
        } else {
            Self::BodyBrokenOff(error)
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadHost => Self::new(Code::BadRequest).detail("exactly one valid Host is needed"),
            Refusal::Upgrade => Self::new(Code::BadRequest).detail("no protocol but HTTP/1.1 is spoken here"),
            Refusal::AmbiguousPath => Self::new(Code::NotFound),
            Refusal::Access(problem) => problem,
            Refusal::SessionEnded => Self::new(Code::Unauthenticated).detail("the session has ended"),
            Refusal::RevocationsUnknown => Self::unavailable(refusal),
            Refusal::BodyTooLarge => Self::new(Code::BodyTooLarge),
            Refusal::BodyBrokenOff(_) => Self::new(Code::BadRequest).detail("the body broke off"),
            // Nothing has taken effect, so whatever it was can be sent again.
            Refusal::NoInstance { ref service, retry_after }
            | Refusal::NotReached { ref service, retry_after, .. } => Self::new(Code::ServiceUnavailable)
                .detail(format!("{service} is down"))
                .retry_after(retry_after)
                .caused_by(refusal),
            Refusal::BrokenOff { .. } | Refusal::SwitchedProtocols { .. } => {
                Self::new(Code::BadGateway).caused_by(refusal)
            }
            Refusal::TooSlow { .. } => Self::new(Code::GatewayTimeout).caused_by(refusal),
        }
    }
}

/// The answer to whatever the layers raise. Ours are [`Refusal`]s; anything else is our own fault.
pub(crate) async fn answer(error: BoxError) -> Problem {
    match error.downcast::<Refusal>() {
        Ok(refusal) => (*refusal).into(),
        Err(other) => Problem::internal(Unforeseen(other)),
    }
}

/// A layer raised what is not in [`Refusal`].
#[derive(Debug, thiserror::Error)]
#[error("a layer of the gateway failed")]
struct Unforeseen(#[source] BoxError);
