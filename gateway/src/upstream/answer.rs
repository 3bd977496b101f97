//! The bodies of answers.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use tower::BoxError;

use super::lane::Lane;
use super::pool::Pool;

/// The answers that were cut off because their service sent nothing for too long.
pub(super) const IDLE_TIMEOUTS: &str = "gateway_upstream_silent_answers_total";

/// The body of a service's answer. It ends with an error if the service sends nothing for too long.
///
/// Only the time in which the gateway waits for the service counts, and not the time of a client that reads slowly. This is
/// the difference to `tower_http::timeout::TimeoutBody`.
pub(crate) struct AnswerBody {
    bytes: Incoming,
    /// The error with which it ends, until all that came before it has been sent.
    failed: Option<hyper::Error>,
    /// The connection, until it is kept for the next request.
    lane: Option<Kept>,
    idle_timeout: Duration,
    /// Runs while the gateway waits for the service.
    idle: Option<Pin<Box<Sleep>>>,
}

/// A connection, and where it is kept after the answer.
pub(super) struct Kept {
    pub(super) lane: Lane,
    pub(super) address: SocketAddr,
    pub(super) pool: Arc<Pool>,
}

/// The service sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the service stopped in the middle of its answer")]
struct IdleTimeout;

impl AnswerBody {
    pub(super) fn new(bytes: Incoming, lane: Kept, idle_timeout: Duration) -> Self {
        let mut body = Self { bytes, failed: None, lane: Some(lane), idle_timeout, idle: None };
        body.keep_if_read();
        body
    }

    /// Keeps the connection if the answer has been read to its end. A connection that is not ready then has more to do than we
    /// wait for; it is closed.
    fn keep_if_read(&mut self) {
        if !self.bytes.is_end_stream() {
            return;
        }
        if let Some(Kept { lane, address, pool }) = self.lane.take().filter(|kept| kept.lane.is_ready()) {
            lane.rest();
            pool.put(address, lane);
        }
    }

    /// Reads from the connection what there is.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.lane {
            Some(kept) => kept.lane.poll_answer(&mut self.bytes, context),
            None => Pin::new(&mut self.bytes).poll_frame(context),
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error.into())));
        }
        if let Poll::Ready(frame) = self.poll_bytes(context) {
            self.idle = None;
            if let Some(Err(error)) = frame {
                // At an error hyper closes the client's connection at once. While the body waits, it sends what it has.
                self.failed = Some(error);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.bytes.is_end_stream()
                && let Some(kept) = &mut self.lane
            {
                kept.lane.finish(context);
                self.keep_if_read();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let idle_timeout = self.idle_timeout;
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        ready!(idle.as_mut().poll(context));
        metrics::counter!(IDLE_TIMEOUTS).increment(1);
        Poll::Ready(Some(Err(IdleTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}
