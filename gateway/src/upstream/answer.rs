//! Bodies of answers on their way to a client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use tower::BoxError;

/// Answers that broke off because their service fell silent.
pub(super) const SILENT: &str = "gateway_upstream_silent_answers_total";

/// The body of a service's answer, which breaks off where the service falls silent.
///
/// Only the time counts in which the service is waited for. A client that is slow to read is no fault of the service, so
/// what has come is passed on however late it is asked for (unlike `tower_http::timeout::TimeoutBody`).
pub(crate) struct AnswerBody {
    bytes: Incoming,
    idle_timeout: Duration,
    /// Runs while the service is waited for.
    idle: Option<Pin<Box<Sleep>>>,
}

/// The service has sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the service stopped in the middle of its answer")]
struct Silent;

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
        metrics::counter!(SILENT).increment(1);
        Poll::Ready(Some(Err(Silent.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}
