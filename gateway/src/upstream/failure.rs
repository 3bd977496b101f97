//! What can go wrong with one try.

use std::error::Error as _;
use std::sync::Arc;

use hyper_util::client::legacy::Error;

use crate::refusal::Refusal;
use crate::settings::UpstreamSettings;

/// Why a try brought no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The instance has not received the request: trying another one is always safe.
    NotReached(Error),
    /// The connection ended, or brought nonsense, before the head of an answer had come.
    BrokenOff(Error),
    /// The first byte did not come in time.
    TooSlow,
    /// It answered with another protocol.
    SwitchedProtocols,
    /// The client's body was too large, or broke off: no fault of the instance.
    OfBody(Error),
}

impl Failure {
    /// Sorts the HTTP client's error.
    pub(crate) fn of(error: Error) -> Self {
        let protocol = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
        if error.is_connect() || protocol.is_some_and(hyper::Error::is_canceled) {
            // Cancelled: the connection was gone before the client wrote anything of the request to it.
            Self::NotReached(error)
        } else if protocol.is_some_and(hyper::Error::is_user) {
            // The only thing of ours that hyper runs is the body.
            Self::OfBody(error)
        } else {
            Self::BrokenOff(error)
        }
    }

    /// Whether the instance is to blame.
    pub(crate) fn is_of_the_instance(&self) -> bool {
        match self {
            Self::NotReached(_) | Self::BrokenOff(_) | Self::TooSlow | Self::SwitchedProtocols => true,
            Self::OfBody(_) => false,
        }
    }

    /// What it is called in log and metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::NotReached(_) => "not_reached",
            Self::BrokenOff(_) => "broken_off",
            Self::TooSlow => "too_slow",
            Self::SwitchedProtocols => "switched_protocols",
            Self::OfBody(_) => "body",
        }
    }

    /// What the stack raises when there is no further try.
    pub(crate) fn into_refusal(self, service: &Arc<str>, settings: &UpstreamSettings) -> Refusal {
        let service = Arc::clone(service);
        match self {
            Self::NotReached(source) => {
                Refusal::NotReached { service, retry_after: settings.retry_after(), source }
            }
            Self::BrokenOff(source) => Refusal::BrokenOff { service, source },
            Self::TooSlow => Refusal::TooSlow { service, limit: settings.first_byte_timeout() },
            Self::SwitchedProtocols => Refusal::SwitchedProtocols { service },
            Self::OfBody(source) => Refusal::of_body(source.into()),
        }
    }
}
