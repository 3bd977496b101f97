//! An answer that is kept and given again.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use problem::{Code, Problem};

/// What belongs to one response and not to its repetitions: its length is written anew, and what is left of a limit has changed
/// by then.
const NOT_KEPT: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::DATE,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// The answer to the first request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) headers: OtherHeaders,
    pub(crate) body: Bytes,
}

/// The other headers that are kept, a line for each: `etag: "7"`. Empty if there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherHeaders(pub(crate) String);

impl Answer {
    /// The answer that a response is on the wire, and the response itself, whose body had to be read for that.
    pub(crate) async fn read(response: Response) -> Result<(Self, Response), axum::Error> {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let text = |name: HeaderName| {
            let value = parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.map(str::to_owned)
        };
        let answer = Self {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            headers: OtherHeaders::of(&parts.headers),
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
        for (name, value) in self.headers.0.lines().filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::try_from(name).map_err(Problem::internal)?;
            headers.append(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
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

    /// Whether it says that the request took effect.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl OtherHeaders {
    fn of(headers: &HeaderMap) -> Self {
        let mut lines = String::new();
        for (name, value) in headers {
            let has_column = [header::CONTENT_TYPE, header::LOCATION].contains(name);
            if let (false, false, Ok(value)) = (has_column, NOT_KEPT.contains(name), value.to_str()) {
                lines.extend([name.as_str(), ": ", value, "\n"]);
            }
        }
        Self(lines)
    }
}

/// What is kept under a key after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    /// The answer, which every repetition gets: the request took effect, or is refused for good.
    Answer,
    /// Nothing: the request can be corrected, or sent again later, with its key.
    Nothing,
    /// The operation id: the request can be sent again as it is, and runs again.
    OperationId,
}

impl Retention {
    /// What is kept after a response of a handler.
    pub(crate) fn after(response: &Response) -> Self {
        let code = response.extensions().get::<Problem>().and_then(Problem::code);
        match (response.status().as_u16(), code) {
            (400 | 401 | 403 | 405 | 412 | 413 | 415 | 422, _)
            // These say "not now": nothing was done, and the same request can succeed in a moment.
            | (_, Some(Code::CartEmpty | Code::AccountClosed | Code::DayNotOver | Code::SettlementRunning)) => {
                Self::Nothing
            }
            (408 | 429 | 500.., _) => Self::OperationId,
            _ => Self::Answer,
        }
    }

    /// Whether a client may hear this response though it is not kept. What took effect, every further try finds out; but after a
    /// refusal for good, the next one could succeed.
    pub(crate) fn is_told_unkept(self, response: &Response) -> bool {
        self != Self::Answer || response.status().is_success()
    }

    /// The answer if keeping it has failed.
    pub(crate) fn unkept(self, response: Response, error: sqlx::Error) -> Result<Response, Problem> {
        if !self.is_told_unkept(&response) {
            return Err(error.into());
        }
        tracing::warn!(%error, "can't keep the answer to a request with an idempotency key");
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_effect_and_what_is_refused_for_good_is_kept() {
        let after = |code| Retention::after(&Problem::new(code).into_response());
        assert_eq!(Retention::after(&StatusCode::CREATED.into_response()), Retention::Answer);
        assert_eq!(Retention::after(&StatusCode::ACCEPTED.into_response()), Retention::Answer);
        for code in Code::ALL {
            let expected = match code {
                Code::CartEmpty | Code::AccountClosed | Code::DayNotOver | Code::SettlementRunning => {
                    Retention::Nothing
                }
                code if [404, 409, 414, 431].contains(&code.status().as_u16()) => Retention::Answer,
                code if code.status().is_server_error() => Retention::OperationId,
                Code::RequestTimeout | Code::RateLimited => Retention::OperationId,
                _ => Retention::Nothing,
            };
            assert_eq!(after(*code), expected, "{}", code.as_str());
        }
    }

    #[tokio::test]
    async fn a_replay_has_the_headers_of_the_first_answer_but_what_is_left_of_limits() {
        let headers = [
            ("etag", "\"7\""),
            ("location", "/a"),
            ("ratelimit", "\"address\";r=1"),
            ("cache-control", "no-store"),
        ];
        let (answer, response) = Answer::read((headers, "{}").into_response()).await.unwrap();
        assert_eq!(response.headers()["ratelimit"], "\"address\";r=1");
        let replay = answer.replay().unwrap();
        for (name, value) in [headers[0], headers[1], headers[3], ("idempotency-replayed", "true")] {
            assert_eq!(replay.headers()[name], value);
        }
        assert!(!replay.headers().contains_key("ratelimit"));
    }
}
