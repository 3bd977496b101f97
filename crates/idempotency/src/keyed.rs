//! A request with a key.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, OriginalUri, Request};
use http::request::Parts;
use http::{HeaderName, header};
use problem::{Code, Problem};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::key;
use crate::sender::Sender;

/// The largest body that a request may have.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The conditions of a request are a part of it.
const CONDITIONS: [HeaderName; 2] = [header::IF_MATCH, header::IF_NONE_MATCH];

/// A key, with who sent it and the route that it was sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyOf {
    pub(crate) sender_id: Uuid,
    pub(crate) route: String,
    pub(crate) key: String,
}

/// The right of one try to run a request. Of two tries, one has it: their leases end at different times.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) of: Arc<KeyOf>,
    pub(crate) operation_id: Uuid,
    pub(crate) until: OffsetDateTime,
}

/// SHA-256 of the address, the conditions and the body of a request, without its secrets.
pub(crate) type Fingerprint = [u8; 32];

/// A request with a key and its whole body.
pub(crate) struct Keyed {
    pub(crate) of: Arc<KeyOf>,
    pub(crate) fingerprint: Fingerprint,
    /// The path of the request.
    pub(crate) path: String,
    parts: Parts,
    body: Bytes,
}

impl Keyed {
    /// Reads a request. `new_id` is unique.
    pub(crate) async fn read(request: Request, sender: &Sender, new_id: Uuid) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let sender_id = sender.id(&mut parts).await?;
        let key = key::of(&parts.headers)?;
        let body =
            axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Problem::new(Code::BodyTooLarge))?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let route = parts.extensions.get::<MatchedPath>().map_or(uri.path(), MatchedPath::as_str);
        let of = Arc::new(KeyOf { sender_id, route: format!("{} {route}", parts.method), key });
        // A body whose secrets can't be taken out is equal to no other.
        let told = sender.without_secrets(&body).unwrap_or_else(|| Bytes::copy_from_slice(new_id.as_bytes()));
        let mut fingerprint = Sha256::new_with_prefix(uri.to_string()).chain_update([0]).chain_update(&told);
        for name in &CONDITIONS {
            for value in parts.headers.get_all(name) {
                fingerprint.update([0]);
                fingerprint.update(name.as_str());
                fingerprint.update([0]);
                fingerprint.update(value.as_bytes());
            }
        }
        Ok(Self { of, fingerprint: fingerprint.finalize().into(), path: uri.path().to_owned(), parts, body })
    }

    /// The request as it arrived.
    pub(crate) fn request(&self) -> Request {
        Request::from_parts(self.parts.clone(), Body::from(self.body.clone()))
    }

    /// The request as it arrived, with an extension for its handler.
    pub(crate) fn request_with<T: Clone + Send + Sync + 'static>(&self, extension: T) -> Request {
        let mut request = self.request();
        request.extensions_mut().insert(extension);
        request
    }
}
