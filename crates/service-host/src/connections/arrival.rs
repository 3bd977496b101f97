//! The arrival of a request's body: whether it is still arriving, has stalled, or was given up.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How much of a body that nobody needs is read and discarded, and for how long, so that the connection can be kept. If the rest is
/// longer, the connection is closed by a lingering close.
const DRAIN_BYTES: u64 = 4 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The state of the body of a request, for the code that answers the request. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Arrival(Arc<State>);

#[derive(Debug)]
struct State {
    /// Cancelled when nothing more is read of the body.
    ended: CancellationToken,
    is_complete: AtomicBool,
    is_stalled: AtomicBool,
    /// Whether the server waits for the client to send more of it.
    is_awaited: AtomicBool,
    /// Whether the server has begun to read it. Until then, a client that expects 100 Continue does not send it.
    is_wanted: AtomicBool,
    expects_continue: bool,
    is_drained: bool,
    is_long: bool,
}

impl State {
    /// Notes that nothing more is read of the body.
    fn end(&self, is_complete: bool) {
        self.is_complete.store(is_complete, Ordering::Release);
        self.ended.cancel();
    }
}

impl Arrival {
    /// Whether the whole body has arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.0.is_complete.load(Ordering::Acquire)
    }

    /// Whether the client has sent nothing of the body for too long.
    pub(crate) fn is_stalled(&self) -> bool {
        self.0.is_stalled.load(Ordering::Acquire)
    }

    /// Whether the client is waited for.
    pub(crate) fn is_late(&self) -> bool {
        self.0.is_awaited.load(Ordering::Acquire)
    }

    /// Whether nothing more is read of the body.
    pub(super) fn has_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// Whether the connection ends with the answer, because the rest of the body will not be read.
    pub(super) fn ends_connection(&self) -> bool {
        !self.is_complete() && (self.is_stalled() || self.0.is_long || self.is_not_sent())
    }

    /// Whether the client still waits for 100 Continue before it sends the body.
    fn is_not_sent(&self) -> bool {
        self.0.expects_continue && !self.0.is_wanted.load(Ordering::Acquire)
    }

    /// Waits until nothing more is read of the body.
    pub(super) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }
}

/// What is done with the rest of a body that nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is read and discarded, so that the connection can be kept.
    Drained {
        /// Whether the client waits for 100 Continue before it sends the body.
        expects_continue: bool,
    },
    /// The client is told not to send it, which HTTP/2 can for a single request.
    Refused,
}

/// The client sent nothing of its body for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client sent nothing of the body for {0:?}")]
struct Stalled(Duration);

/// The body of a request, which ends with an error if the client sends nothing for too long.
///
/// Only the time in which the server waits for the client counts. If the body is dropped before its end, the rest is read and
/// discarded, within limits. So a client that sends its whole body before it reads gets the answer, and the connection can be kept.
pub(crate) struct ArrivingBody {
    incoming: Option<Incoming>,
    arrival: Arrival,
    silence_limit: Duration,
    /// Runs while the server waits for the client.
    silence: Option<Pin<Box<Sleep>>>,
}

impl ArrivingBody {
    /// `None` for a request without a body.
    pub(super) fn of(incoming: Incoming, rest: Rest, silence_limit: Duration) -> Option<Self> {
        if incoming.is_end_stream() {
            return None;
        }
        let state = State {
            ended: CancellationToken::new(),
            is_complete: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            expects_continue: rest == Rest::Drained { expects_continue: true },
            is_drained: matches!(rest, Rest::Drained { .. }),
            is_long: incoming.size_hint().lower() > DRAIN_BYTES,
        };
        Some(Self {
            incoming: Some(incoming),
            arrival: Arrival(Arc::new(state)),
            silence_limit,
            silence: None,
        })
    }

    pub(super) fn arrival(&self) -> Arrival {
        self.arrival.clone()
    }
}

impl Body for ArrivingBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let state = &this.arrival.0;
        state.is_wanted.store(true, Ordering::Release);
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *incoming).poll_frame(context);
        state.is_awaited.store(polled.is_pending(), Ordering::Release);
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.silence = None;
                if incoming.is_end_stream() {
                    state.end(true);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                state.end(end.is_none());
                this.incoming = None;
                Poll::Ready(end.map(|end| end.map_err(Into::into)))
            }
            Poll::Pending => {
                let limit = this.silence_limit;
                let silence = this.silence.get_or_insert_with(|| Box::pin(sleep(limit)));
                ready!(silence.as_mut().poll(context));
                state.is_stalled.store(true, Ordering::Release);
                this.incoming = None;
                state.end(false);
                Poll::Ready(Some(Err(Stalled(limit).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for ArrivingBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take().filter(|_| !self.arrival.is_complete()) else { return };
        let State { is_drained, .. } = *self.arrival.0;
        let is_drained =
            is_drained && !self.arrival.ends_connection() && incoming.size_hint().lower() <= DRAIN_BYTES;
        // Without a runtime, the process is ending.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if is_drained => drop(runtime.spawn(drain(incoming, self.arrival.clone()))),
            _ => self.arrival.0.end(false),
        }
    }
}

async fn drain(mut incoming: Incoming, arrival: Arrival) {
    let read = async {
        let mut left = DRAIN_BYTES;
        loop {
            match poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    match left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
                        Some(rest) => left = rest,
                        None => return false,
                    }
                }
            }
        }
    };
    let is_complete = timeout(DRAIN_TIME, read).await.unwrap_or(false);
    drop(incoming);
    arrival.0.end(is_complete);
}
