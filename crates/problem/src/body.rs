//! The error body: RFC 9457 `application/problem+json` with our members.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Code;

/// The media type of an error.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An answer that is not a success.
///
/// The operation that fails makes it. [`crate::wrap`], which knows the request, completes it: it fills in `instance` and
/// `traceId`, and logs a 5xx once with its whole chain of causes. A cause is never shown to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    body: Box<Body>,
    retry_after: Option<Duration>,
    challenge: &'static str,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// The JSON members of a problem.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct Body {
    /// A page about this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/OUT_OF_STOCK")]
    pub kind: String,
    /// A short sentence about this kind of problem.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// What was wrong this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'static, str>>,
    /// The path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The stable name of the kind, for programs.
    #[schema(example = "OUT_OF_STOCK")]
    pub code: Cow<'static, str>,
    /// The id to quote in a question about this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Every fault of the request's body or query.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// Members that only this kind has.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// One fault of a body or a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body, or `/` and the name of a parameter of the query.
    #[schema(example = "/options/0/price")]
    pub pointer: String,
    /// What kind of fault: `MISSING`, `UNKNOWN_FIELD`, `WRONG_TYPE` or `INVALID`.
    #[schema(example = "INVALID")]
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub detail: String,
}

impl Fault {
    /// A member whose value breaks a rule.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: "INVALID".into(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code) -> Self {
        Self {
            body: Box::new(Body {
                kind: format!("/problems/{}", code.as_str()),
                title: code.title().into(),
                status: code.status().as_u16(),
                detail: None,
                instance: None,
                code: code.as_str().into(),
                trace_id: None,
                errors: Vec::new(),
                extra: serde_json::Map::new(),
            }),
            retry_after: None,
            challenge: "Bearer",
            cause: None,
        }
    }

    /// A fault of this service: a 500 that tells nothing, with the error for the log.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Code::Internal).caused_by(cause)
    }

    /// A 503 because a dependency is down, with the error for the log.
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Code::ServiceUnavailable).retry_after(Duration::from_secs(1)).caused_by(cause)
    }

    /// Sets what was wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.body.detail = Some(detail.into());
        self
    }

    /// Adds one fault of the body.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.body.errors.push(fault);
        self
    }

    /// Adds faults of the body.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.body.errors.extend(faults);
        self
    }

    /// Adds a member that only this kind has. A value that can't be written as JSON is left out.
    #[must_use]
    pub fn extra(mut self, name: &str, value: &impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.body.extra.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets `Retry-After`: when it is worth trying again, rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Sets `WWW-Authenticate` of a 401, if the client is not to authenticate with a `Bearer` token.
    #[must_use]
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.challenge = scheme;
        self
    }

    /// Keeps the cause for the log line. It is never shown to the client.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// Fills in the members that come from the request.
    #[must_use]
    pub(crate) fn at(mut self, instance: &str, trace_id: Option<String>) -> Self {
        self.body.instance = Some(instance.to_owned());
        self.body.trace_id = trace_id;
        self
    }

    /// Its kind. `None` if this build does not know the code, which a newer service may answer.
    pub fn code(&self) -> Option<Code> {
        Code::from_name(&self.body.code)
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The JSON members.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Its cause.
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.body.status, self.body.code)?;
        match &self.body.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause()
    }
}

/// Services read the problems of other services.
impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Box::new(Body::deserialize(deserializer)?);
        Ok(Self { body, retry_after: None, challenge: "Bearer", cause: None })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(&*self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.body.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge));
        }
        response.extensions_mut().insert(self);
        response
    }
}
