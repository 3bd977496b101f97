//! The failures of an attempt.

use std::io;

use tokio::time::error::Elapsed;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The instance has not received the request, so it is safe to try another one.
    Unreachable(ConnectError),
    /// The connection was lost, or the instance sent invalid HTTP, before the head of the answer was complete.
    ConnectionLost(hyper::Error),
    /// The first byte of the answer did not arrive within the time of one instance, and another one is to be tried. If it answers
    /// others, that says nothing about the instance; if not, that has been noted.
    Slow,
    /// The first byte of the answer did not arrive in time. If the instance had less time than it may take, that says nothing about
    /// it.
    Timeout { had_its_time: bool },
    /// The instance answered with another protocol.
    SwitchedProtocols,
    /// The client's body was too large or incomplete, which is not the fault of the instance.
    RequestBody(hyper::Error),
}

/// Why there is no connection to an instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("connecting failed")]
    Io(#[from] io::Error),
    #[error("connecting took too long")]
    Timeout(#[from] Elapsed),
    #[error("the connection was closed before anything of the request was sent")]
    Closed(#[from] hyper::Error),
}

impl Failure {
    /// Classifies an error of hyper, after a request was sent or a part of it.
    pub(super) fn after_sending(error: hyper::Error) -> Self {
        if error.is_user() {
            // The body is the only code of ours that hyper runs.
            Self::RequestBody(error)
        } else {
            Self::ConnectionLost(error)
        }
    }

    /// Returns whether the failure is the fault of the instance.
    pub(crate) fn is_instance_fault(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::ConnectionLost(_) | Self::SwitchedProtocols => true,
            Self::Timeout { had_its_time } => *had_its_time,
            Self::Slow | Self::RequestBody(_) => false,
        }
    }

    /// The name in log and metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::ConnectionLost(_) => "connection_lost",
            Self::Slow => "slow",
            Self::Timeout { .. } => "timeout",
            Self::SwitchedProtocols => "switched_protocols",
            Self::RequestBody(_) => "request_body",
        }
    }
}
