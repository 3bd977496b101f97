//! An answer that is kept and given again.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use problem::{Created, Problem};
use serde::Serialize;

/// The answer to the first request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer that a 201 will be on the wire.
    pub(crate) fn created<T: Serialize>(created: &Created<T>) -> serde_json::Result<Self> {
        Ok(Self {
            status: StatusCode::CREATED.as_u16(),
            content_type: Some("application/json".to_owned()),
            location: Some(created.location.clone()),
            body: serde_json::to_vec(&created.body)?.into(),
        })
    }

    /// The answer that a response is on the wire, and the response itself, whose body had to be read for that.
    pub(crate) async fn read(response: Response) -> Result<(Self, Response), Problem> {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
        let text = |name: HeaderName| {
            let value = parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.map(str::to_owned)
        };
        let answer = Self {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            body: body.clone(),
        };
        Ok((answer, Response::from_parts(parts, Body::from(body))))
    }

    /// The response to the first request.
    pub(crate) fn respond(self) -> Result<Response, Problem> {
        let status = StatusCode::from_u16(self.status).map_err(Problem::internal)?;
        let mut response = (status, self.body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        for (name, value) in [(header::CONTENT_TYPE, self.content_type), (header::LOCATION, self.location)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
            }
        }
        Ok(response)
    }

    /// The response to every repetition.
    pub(crate) fn replay(self) -> Result<Response, Problem> {
        metrics::counter!("idempotency_replays_total").increment(1);
        let mut response = self.respond()?;
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Whether it is kept.
    pub(crate) const fn retention(&self) -> Retention {
        match self.status {
            400 | 401 | 403 | 412 | 413 | 415 | 422 => Retention::Nothing,
            408 | 429 | 500.. => Retention::OperationId,
            _ => Retention::Answer,
        }
    }
}

/// What is kept under a key after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    /// The answer, which every repetition gets.
    Answer,
    /// Nothing: the request can be corrected and sent again with its key.
    Nothing,
    /// The operation id: the request can be sent again as it is, and runs again.
    OperationId,
}
