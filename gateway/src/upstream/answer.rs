//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use tower::BoxError;

/// The answers that were cut off because their service sent nothing for too long.
pub(super) const IDLE_TIMEOUTS: &str = "gateway_upstream_silent_answers_total";

/// The body of a service's answer. It ends with an error if the service sends nothing for too long.
///
/// Only the time in which the gateway waits for the service counts, and not the time of a client that reads slowly. This is
/// the difference to `tower_http::timeout::TimeoutBody`.
pub(crate) struct AnswerBody {
    bytes: Incoming,
    idle_timeout: Duration,
    /// Runs while the gateway waits for the service.
    idle: Option<Pin<Box<Sleep>>>,
}

/// The service sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the service stopped in the middle of its answer")]
struct IdleTimeout;

impl AnswerBody {
    pub(crate) fn new(bytes: Incoming, idle_timeout: Duration) -> Self {
        Self { bytes, idle_timeout, idle: None }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.bytes).poll_frame(context) {
            self.idle = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let idle_timeout = self.idle_timeout;
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        ready!(idle.as_mut().poll(context));
        metrics::counter!(IDLE_TIMEOUTS).increment(1);
        Poll::Ready(Some(Err(IdleTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}
