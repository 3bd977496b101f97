//! A client of an HTTP API: of a router in this process, or of a server by TCP. Requests and answers look the same.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// Longer than any server takes for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Shorter than our servers keep a connection without a request, so that none is closed just when it is used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Sends requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client<T = Router>(pub T);

/// A server that is reached by TCP.
#[derive(Clone, Debug)]
pub struct Server {
    http: reqwest::Client,
    url: String,
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use]
pub struct Request<T = Router> {
    to: T,
    parts: Parts,
}

/// What is sent.
#[derive(Debug)]
pub struct Parts {
    method: Method,
    /// With its query, as it is written.
    path: String,
    headers: HeaderMap,
    body: Body,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is empty or not JSON.
    pub body: Value,
    /// The body to the byte.
    pub bytes: Vec<u8>,
}

/// Why no answer came.
pub type SendError = Box<dyn Error + Send + Sync>;

/// What a client can send requests to.
pub trait Transport: Clone + Send {
    /// Sends a request and reads its answer to the end.
    fn send(self, request: Parts) -> impl Future<Output = Result<Answer, SendError>> + Send;
}

impl Client<Server> {
    /// A client of the server at `http://host:port`.
    pub fn at(url: &str) -> Self {
        let builder = reqwest::Client::builder().timeout(TIMEOUT).pool_idle_timeout(IDLE_TIMEOUT);
        let http = builder.build().expect("an HTTP client without TLS");
        Self(Server { http, url: url.to_owned() })
    }
}

impl<T: Transport> Client<T> {
    /// `GET path`.
    pub fn get(&self, path: &str) -> Request<T> {
        self.request(Method::GET, path)
    }
    /// `POST path`.
    pub fn post(&self, path: &str) -> Request<T> {
        self.request(Method::POST, path)
    }
    /// `PUT path`.
    pub fn put(&self, path: &str) -> Request<T> {
        self.request(Method::PUT, path)
    }
    /// `PATCH path`.
    pub fn patch(&self, path: &str) -> Request<T> {
        self.request(Method::PATCH, path)
    }
    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Request<T> {
        self.request(Method::DELETE, path)
    }

    /// Any other request.
    pub fn request(&self, method: Method, path: &str) -> Request<T> {
        let parts = Parts { method, path: path.to_owned(), headers: HeaderMap::new(), body: Body::empty() };
        Request { to: self.0.clone(), parts }
    }
}

impl<T: Transport> Request<T> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        let value: HeaderValue = value.parse().expect("a header's value");
        self.parts.headers.append(name, value);
        self
    }

    /// Adds a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds an Idempotency-Key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Adds a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string())
    }

    /// Adds any body.
    pub fn bytes(self, content_type: &str, body: impl Into<Body>) -> Self {
        let mut request = self.header("content-type", content_type);
        request.parts.body = body.into();
        request
    }

    /// Sends it.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn send(self) -> Answer {
        let Self { to, parts } = self;
        let what = format!("{} {}", parts.method, parts.path);
        to.send(parts).await.unwrap_or_else(|error| panic!("no answer to {what}: {error:?}"))
    }

    /// Sends it; an error if the connection breaks before the whole answer is there.
    pub async fn try_send(self) -> Result<Answer, SendError> {
        self.to.send(self.parts).await
    }

    /// Sends it and hangs up after a time; `None` if nothing has come by then.
    pub async fn try_send_within(self, patience: Duration) -> Option<Result<Answer, SendError>> {
        tokio::time::timeout(patience, self.try_send()).await.ok()
    }
}

impl Transport for Router {
    async fn send(self, parts: Parts) -> Result<Answer, SendError> {
        let mut request = http::Request::builder().method(parts.method).uri(parts.path).body(parts.body)?;
        *request.headers_mut() = parts.headers;
        let response = self.oneshot(request).await?;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes().to_vec();
        Ok(Answer::new(head.status, head.headers, bytes))
    }
}

impl Transport for Server {
    async fn send(self, parts: Parts) -> Result<Answer, SendError> {
        let body = parts.body.collect().await?.to_bytes();
        let request = self.http.request(parts.method, format!("{}{}", self.url, parts.path));
        let mut response = request.headers(parts.headers).body(body).send().await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(Answer::new(status, headers, response.bytes().await?.to_vec()))
    }
}

impl Answer {
    /// An answer with this body.
    pub fn new(status: StatusCode, headers: HeaderMap, bytes: Vec<u8>) -> Self {
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, body, bytes }
    }

    /// The same answer, after a check of its status.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the check is all that is wanted")]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The same answer, after a check of its status and of the code of its problem.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the check is all that is wanted")]
    pub fn expect_problem(self, status: StatusCode, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
        assert_eq!(answer.code(), code, "{}", answer.body);
        answer
    }

    /// As [`Self::expect_problem`], and checks the members that every problem of a running service has.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the check is all that is wanted")]
    pub fn expect_service_problem(self, status: StatusCode, code: &str) -> Self {
        let answer = self.expect_problem(status, code);
        for member in ["type", "title", "instance", "traceId"] {
            assert!(answer.body[member].is_string(), "a problem without {member}: {}", answer.body);
        }
        assert_eq!(answer.body["status"], status.as_u16(), "{}", answer.body);
        answer
    }

    /// The code of a problem; empty if there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header's value; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The pointers of every fault of a problem, sorted.
    pub fn fault_pointers(&self) -> Vec<&str> {
        let faults = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut pointers: Vec<_> = faults.iter().filter_map(|fault| fault["pointer"].as_str()).collect();
        pointers.sort_unstable();
        pointers
    }
}

/// The text under a key.
///
/// # Panics
/// If there is none.
#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}")).to_owned()
}

/// The integer under a key.
///
/// # Panics
/// If there is none.
#[track_caller]
pub fn integer(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("no integer {key} in {value}"))
}
