//! Request bodies on their way to a service.
//!
//! A body is streamed, unless the request may have to be sent a second time after some of it was read: then it is
//! kept. Either way it ends at the limit that `service-host` sets for every body.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::BoxError;

use crate::refusal::Refusal;

/// What each try of a request takes its body from.
pub(crate) enum BodySource {
    /// All of it is here, and good for any number of tries.
    Kept(Bytes),
    /// It comes as the client sends it: good for one try that reads it, after any number that read nothing.
    Streamed(Arc<Mutex<Body>>),
}

impl BodySource {
    /// Takes a client's body; reads all of it where it is to be kept.
    pub(crate) async fn new(body: Body, keep: bool) -> Result<Self, Refusal> {
        if body.is_end_stream() {
            return Ok(Self::Kept(Bytes::new()));
        }
        if keep {
            let whole = body.collect().await.map_err(|error| Refusal::of_body(error.into()))?;
            return Ok(Self::Kept(whole.to_bytes()));
        }
        Ok(Self::Streamed(Arc::new(Mutex::new(body))))
    }

    /// Whether a try that may have read some of it leaves it as it was.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// The body for one try, and a token that is cancelled when it has been sent, or given up.
    pub(crate) fn for_one_try(&self) -> (TryBody, CancellationToken) {
        let sent = CancellationToken::new();
        let guard = sent.clone().drop_guard();
        let bytes = match self {
            Self::Kept(bytes) => TryBytes::Kept(Full::new(bytes.clone())),
            Self::Streamed(body) => TryBytes::Streamed(Arc::clone(body)),
        };
        (TryBody { bytes, _sent: guard }, sent)
    }
}

/// The body of one try. The HTTP client drops it as soon as it has sent the last of it.
pub(crate) struct TryBody {
    bytes: TryBytes,
    _sent: DropGuard,
}

enum TryBytes {
    Kept(Full<Bytes>),
    Streamed(Arc<Mutex<Body>>),
}

impl http_body::Body for TryBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.bytes {
            TryBytes::Kept(body) => Pin::new(body).poll_frame(context).map_err(BoxError::from),
            TryBytes::Streamed(body) => {
                Pin::new(&mut *open(body)).poll_frame(context).map_err(BoxError::from)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.bytes {
            TryBytes::Kept(body) => body.is_end_stream(),
            TryBytes::Streamed(body) => open(body).is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            TryBytes::Kept(body) => body.size_hint(),
            TryBytes::Streamed(body) => open(body).size_hint(),
        }
    }
}

/// One try reads a body at a time, so the lock is always free; a panic inside of it breaks nothing for the next one.
fn open(body: &Mutex<Body>) -> MutexGuard<'_, Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}
