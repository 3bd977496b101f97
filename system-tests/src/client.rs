//! Calls as any REST client makes them, mostly through the gateway.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use stack::Stack;

/// Longer than any answer of the gateway takes.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Shorter than the gateway keeps a connection without a request: it never closes one that is just being used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A client of one process, the gateway in most tests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

/// A call that is being put together.
#[derive(Debug)]
#[must_use]
pub struct Call(reqwest::RequestBuilder);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; a string where it is not JSON, null where there is none.
    pub body: Value,
}

impl Client {
    /// A client of a stack's gateway.
    ///
    /// # Panics
    /// If the HTTP client can't be made.
    pub fn of(stack: &Stack) -> Self {
        Self::at(stack.gateway_url())
    }

    /// A client of one process, past the gateway.
    ///
    /// # Panics
    /// If the HTTP client can't be made.
    pub fn at(url: String) -> Self {
        let builder = reqwest::Client::builder().timeout(TIMEOUT).pool_idle_timeout(IDLE_TIMEOUT);
        Self { http: builder.build().expect("an HTTP client without TLS"), url }
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A POST with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        Call(self.call(Method::POST, path).0.json(body))
    }

    /// A PUT with a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Call {
        Call(self.call(Method::PUT, path).0.json(body))
    }

    /// A PATCH with a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        Call(self.call(Method::PATCH, path).0.json(body))
    }

    /// A call with a method and nothing else.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call(self.http.request(method, format!("{}{path}", self.url)))
    }
}

impl Call {
    /// With a token.
    pub fn bearer(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With any header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Sends it; `Err` where no answer came.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let response = self.0.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok(Answer { status, headers, body })
    }

    /// Sends it and hangs up after a time; `None` where no answer had come by then.
    pub async fn try_send_within(self, patience: Duration) -> Option<reqwest::Result<Answer>> {
        tokio::time::timeout(patience, self.try_send()).await.ok()
    }

    /// Sends it.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn send(self) -> Answer {
        self.try_send().await.expect("it answers")
    }
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Panics
    /// If the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Checks that it is a problem with this status and code, in the shape that all problems have.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        for member in ["type", "title", "instance", "traceId"] {
            assert!(self.body[member].is_string(), "a problem without {member}: {}", self.body);
        }
        assert_eq!(self.body["status"], status, "{}", self.body);
        self.body
    }

    /// The problem's code, or nothing.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        self.headers.get(name)?.to_str().ok()
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

/// The number under a key.
///
/// # Panics
/// If there is none.
#[track_caller]
pub fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}
