//! Compression of answers, on the routes that say `compress`.
//!
//! Who does not ask for it by `Accept-Encoding` gets the answer of the service as it comes. A compressed answer is made at once of the
//! whole answer, so that a client that reads slowly holds no compressor. So only answers of a known and moderate length are
//! compressed; and no stream of events ever is.
//!
//! Never compressed is what may contain a secret beside a text of the client, because the length would tell the secret (BREACH):
//! the answer to a request with a token or a cookie, an answer that sets one, and one that is for one client only. A route that
//! compresses is public, and only read (`routes`).

mod accept;
mod coder;
mod tags;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tower::BoxError;

use crate::refusal::Refusal;
use crate::settings::CompressionSettings;
pub(crate) use accept::Coding;
pub(crate) use coder::decompressed;

/// The types of answers that are compressed, besides those that end in `+json` and `+xml`.
const TYPES: [&str; 9] = [
    "application/json",
    "application/xml",
    "application/javascript",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/xml",
];

/// An answer with one of these is for one client, or must not be changed.
const UNTOUCHED: [&str; 3] = ["no-store", "no-transform", "private"];

/// The policy of a route.
#[derive(Clone, Debug)]
pub(crate) struct Compression(CompressionSettings);

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    settings: CompressionSettings,
    coding: Option<Coding>,
    is_head: bool,
    /// The tags of the answers that the client has, if any of them may be compressed.
    tags: Vec<HeaderValue>,
}

/// Looks what a request asks for, and gives the service its own tags. `None` on a route that compresses nothing; there, too, a
/// client may edit by the tag of a compressed answer.
pub(crate) fn ask(compression: Option<&Compression>, request: &mut Request) -> Option<Asked> {
    let Some(compression) = compression else {
        tags::restore_all(request.headers_mut());
        return None;
    };
    let is_head = request.method() == Method::HEAD;
    Some(compression.ask(is_head, request.headers_mut()))
}

/// Whether a client takes an answer in this coding.
pub(crate) fn takes(headers: &HeaderMap, coding: Coding) -> bool {
    accept::takes(&accepted(headers), coding)
}

fn accepted(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect()
}

impl Compression {
    pub(crate) fn new(settings: &CompressionSettings) -> Self {
        Self(settings.clone())
    }

    fn ask(&self, is_head: bool, headers: &mut HeaderMap) -> Asked {
        let is_of_one_client = [header::AUTHORIZATION, header::COOKIE, header::RANGE];
        let coding = if is_of_one_client.iter().any(|name| headers.contains_key(name)) {
            None
        } else {
            accept::preferred(&accepted(headers))
        };
        let tags = match coding {
            Some(_) => headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
            None => Vec::new(),
        };
        tags::restore_for(headers, coding);
        Asked { settings: self.0.clone(), coding, is_head, tags }
    }
}

impl Asked {
    /// The answer for the client, compressed if it may be.
    pub(crate) async fn answered<B>(self, answer: axum::http::Response<B>) -> Result<Response, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut head, body) = answer.into_parts();
        let Some(coding) = self.decide(&mut head, body.size_hint().exact()) else {
            return Ok(Response::from_parts(head, Body::new(body)));
        };
        let whole = body.collect().await.map_err(|error| Refusal::AnswerIncomplete(error.into()))?.to_bytes();
        let compressed = coder::compressed(coding, &whole).await.map_err(Refusal::NotCompressed)?;
        Ok(Response::from_parts(head, Body::from(compressed)))
    }

    /// Changes the header fields of an answer whose body has this length. Gives the coding in which its body goes on, if it has
    /// to be compressed.
    fn decide(&self, head: &mut response::Parts, length: Option<u64>) -> Option<Coding> {
        let headers = &mut head.headers;
        if head.status == StatusCode::NOT_MODIFIED {
            vary(headers);
            tags::mark_as_asked(headers, &self.tags, self.coding?);
            return None;
        }
        let CompressionSettings { min_bytes, max_bytes } = self.settings;
        // What a service says of the length of a body that is coming may be wrong. Of one that does not come, it is all there is.
        let length = if self.is_head { declared(headers).or(length) } else { length };
        let fits = length.is_some_and(|length| (min_bytes..=max_bytes).contains(&length));
        if head.status != StatusCode::OK || !fits || !may_be_compressed(headers) {
            return None;
        }
        vary(headers);
        let coding = self.coding?;
        tags::mark(headers, coding);
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        // The ranges of the service are those of other bytes, and the length is another one.
        headers.remove(header::ACCEPT_RANGES);
        headers.remove(header::CONTENT_LENGTH);
        (!self.is_head).then_some(coding)
    }
}

/// The answer depends on what the client takes, also for caches.
pub(crate) fn vary(headers: &mut HeaderMap) {
    let named = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    let is_named = |name: &str| name.eq_ignore_ascii_case(header::ACCEPT_ENCODING.as_str()) || name == "*";
    if !named.flat_map(|value| value.split(',')).any(|name| is_named(name.trim())) {
        headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn may_be_compressed(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName| headers.contains_key(name);
    let directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let is_untouched = |directive: &str| {
        let name = directive.split('=').next().unwrap_or_default().trim();
        UNTOUCHED.iter().any(|untouched| name.eq_ignore_ascii_case(untouched))
    };
    !has(header::CONTENT_ENCODING)
        && !has(header::CONTENT_RANGE)
        && !has(header::SET_COOKIE)
        && !directives.flat_map(|value| value.split(',')).any(is_untouched)
        && headers.get(header::CONTENT_TYPE).is_some_and(is_text)
}

fn is_text(content_type: &HeaderValue) -> bool {
    let whole = content_type.to_str().unwrap_or_default();
    let name = whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    TYPES.contains(&name.as_str()) || name.ends_with("+json") || name.ends_with("+xml")
}
