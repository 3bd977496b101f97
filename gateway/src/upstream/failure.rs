//! The failures of an attempt.

use std::error::Error as _;
use std::sync::Arc;

use hyper_util::client::legacy::Error;

use crate::refusal::Refusal;
use crate::settings::UpstreamSettings;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The instance has not received the request, so it is safe to try another one.
    Unreachable(Error),
    /// The connection was lost, or the instance sent invalid HTTP, before the head of the answer was complete.
    ConnectionLost(Error),
    /// The first byte of the answer did not arrive in time.
    Timeout,
    /// The instance answered with another protocol.
    SwitchedProtocols,
    /// The client's body was too large or incomplete, which is not the fault of the instance.
    RequestBody(Error),
}

impl Failure {
    /// Classifies an error of the HTTP client.
    pub(crate) fn from_client(error: Error) -> Self {
        let protocol = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
        if error.is_connect() || protocol.is_some_and(hyper::Error::is_canceled) {
            // Cancelled means that the connection was closed before the client sent anything of the request.
            Self::Unreachable(error)
        } else if protocol.is_some_and(hyper::Error::is_user) {
            // hyper calls it an error of its user. The request body is the only code of ours that hyper runs, so it has failed.
            Self::RequestBody(error)
        } else {
            Self::ConnectionLost(error)
        }
    }

    /// Returns whether the failure is the fault of the instance.
    pub(crate) fn is_instance_fault(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::ConnectionLost(_) | Self::Timeout | Self::SwitchedProtocols => true,
            Self::RequestBody(_) => false,
        }
    }

    /// The name in log and metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::ConnectionLost(_) => "connection_lost",
            Self::Timeout => "timeout",
            Self::SwitchedProtocols => "switched_protocols",
            Self::RequestBody(_) => "request_body",
        }
    }

    /// Returns the refusal if there is no further attempt.
    pub(crate) fn into_refusal(self, service: &Arc<str>, settings: &UpstreamSettings) -> Refusal {
        let service = Arc::clone(service);
        match self {
            Self::Unreachable(source) => {
                Refusal::Unreachable { service, retry_after: settings.retry_after(), source }
            }
            Self::ConnectionLost(source) => Refusal::ConnectionLost { service, source },
            Self::Timeout => Refusal::Timeout { service, limit: settings.first_byte_timeout() },
            Self::SwitchedProtocols => Refusal::SwitchedProtocols { service },
            Self::RequestBody(source) => Refusal::from_body_error(source.into()),
        }
    }
}
