//! The bodies of requests.
//!
//! A body is buffered if the request may be sent again after a part of it was read. Otherwise it is streamed. Both have the
//! size limit that `service-host` sets.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::BoxError;

use crate::refusal::Refusal;

/// The source of the body for each attempt of a request.
pub(crate) enum BodySource {
    /// The whole body, for any number of attempts.
    Buffered(Bytes),
    /// The body as the client sends it. Only one attempt can read it; attempts before it must not have read anything.
    Streamed(Arc<Mutex<ClientBody>>),
}

/// The body as the client sends it. `None` when it was given up.
type ClientBody = Option<Body>;

/// The service has answered, and has not read the rest of the body in time.
#[derive(Debug, thiserror::Error)]
#[error("the rest of the body was given up, because the service has answered and does not read it")]
struct GivenUp;

impl BodySource {
    /// Takes the body of a client's request, and reads all of it if `buffer` is true.
    pub(crate) async fn new(body: Body, buffer: bool) -> Result<Self, Refusal> {
        if body.is_end_stream() {
            return Ok(Self::Buffered(Bytes::new()));
        }
        if buffer {
            let whole = body.collect().await.map_err(|error| Refusal::from_body_error(error.into()))?;
            return Ok(Self::Buffered(whole.to_bytes()));
        }
        Ok(Self::Streamed(Arc::new(Mutex::new(Some(body)))))
    }

    /// Returns whether another attempt can follow one that has read a part of the body.
    pub(crate) fn is_buffered(&self) -> bool {
        matches!(self, Self::Buffered(_))
    }

    /// Drops the client's body, unless it is `sent` within this time.
    pub(crate) fn give_up_unless(&self, sent: CancellationToken, time: Duration) {
        let Self::Streamed(body) = self else { return };
        if sent.is_cancelled() {
            return;
        }
        let body = Arc::clone(body);
        tokio::spawn(async move {
            if tokio::time::timeout(time, sent.cancelled()).await.is_err() {
                lock(&body).take();
            }
        });
    }

    /// Returns the body for one attempt, and a token that is cancelled when the body was sent or dropped. A buffered body has no
    /// token: it counts as sent, because nobody is waited for.
    pub(crate) fn for_attempt(&self) -> (AttemptBody, Option<CancellationToken>) {
        match self {
            Self::Buffered(bytes) => {
                (AttemptBody { bytes: AttemptBytes::Buffered(Full::new(bytes.clone())), _sent: None }, None)
            }
            Self::Streamed(body) => {
                let sent = CancellationToken::new();
                let guard = sent.clone().drop_guard();
                let bytes = AttemptBytes::Streamed(Arc::clone(body));
                (AttemptBody { bytes, _sent: Some(guard) }, Some(sent))
            }
        }
    }
}

/// The body of one attempt. The HTTP client drops it as soon as it has sent all of it.
pub(crate) struct AttemptBody {
    bytes: AttemptBytes,
    _sent: Option<DropGuard>,
}

enum AttemptBytes {
    Buffered(Full<Bytes>),
    Streamed(Arc<Mutex<ClientBody>>),
}

impl http_body::Body for AttemptBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.bytes {
            AttemptBytes::Buffered(body) => Pin::new(body).poll_frame(context).map_err(BoxError::from),
            AttemptBytes::Streamed(body) => match &mut *lock(body) {
                Some(body) => Pin::new(body).poll_frame(context).map_err(BoxError::from),
                None => Poll::Ready(Some(Err(GivenUp.into()))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.bytes {
            AttemptBytes::Buffered(body) => body.is_end_stream(),
            AttemptBytes::Streamed(body) => lock(body).as_ref().is_some_and(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            AttemptBytes::Buffered(body) => body.size_hint(),
            AttemptBytes::Streamed(body) => {
                lock(body).as_ref().map_or_else(SizeHint::default, Body::size_hint)
            }
        }
    }
}

/// Locks a body. The lock is nearly always free, because one attempt reads the body at a time. A panic in another attempt does
/// not damage the body.
fn lock(body: &Mutex<ClientBody>) -> MutexGuard<'_, ClientBody> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}
