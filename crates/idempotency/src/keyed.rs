//! A request with a key.

use access::Principal;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, OriginalUri, Request};
use http::request::Parts;
use problem::{Code, Problem};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::key;

/// The largest body that a request may have.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A key, with the member who sent it and the route that it was sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyOf {
    pub(crate) member_id: Uuid,
    pub(crate) route: String,
    pub(crate) key: String,
}

/// SHA-256 of the address and the body of a request.
pub(crate) type Fingerprint = [u8; 32];

/// The request of a signed-in member, with its whole body.
pub(crate) struct Keyed {
    pub(crate) of: KeyOf,
    pub(crate) fingerprint: Fingerprint,
    /// The path of the request.
    pub(crate) path: String,
    parts: Parts,
    body: Bytes,
}

impl Keyed {
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::authenticate(&mut parts).await?;
        let key = key::of(&parts.headers)?;
        let body =
            axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Problem::new(Code::BodyTooLarge))?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let route = parts.extensions.get::<MatchedPath>().map_or(uri.path(), MatchedPath::as_str);
        let of = KeyOf { member_id: principal.member_id.0, route: format!("{} {route}", parts.method), key };
        let fingerprint =
            Sha256::new_with_prefix(uri.to_string()).chain_update([0]).chain_update(&body).finalize().into();
        Ok(Self { of, fingerprint, path: uri.path().to_owned(), parts, body })
    }

    /// The request as it arrived, with an extension for its handler.
    pub(crate) fn request<T: Clone + Send + Sync + 'static>(&self, extension: T) -> Request {
        let mut parts = self.parts.clone();
        parts.extensions.insert(extension);
        Request::from_parts(parts, Body::from(self.body.clone()))
    }
}
