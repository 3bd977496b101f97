//! Extractors whose rejection is a problem, and the answer 201.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use garde::Validate;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mime::Mime;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Code, Parameters, Problem, read};

/// A JSON body that keeps every rule, or a problem that lists every fault. A byte order mark before it is passed over (RFC 8259,
/// 8.1).
///
/// As a response it is the same as axum's `Json`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            Problem::new(Code::from_status(rejection.status()))
                .detail("the body could not be read to its end")
        })?;
        read::read(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes)).map(Json)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Whether there is one `Content-Type`, and it is that of JSON in UTF-8: JSON has no other encoding (RFC 8259, 8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let mut media_types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media_type), None) = (media_types.next(), media_types.next()) else { return false };
    // RFC 9110, 5.6.6, allows blanks before a `;`, and a `;` with no parameter after it. mime does not.
    let parts = media_type.to_str().unwrap_or_default().split(';').map(str::trim);
    let text = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    text.parse::<Mime>().is_ok_and(|media_type| {
        let is_json = media_type.suffix().unwrap_or(media_type.subtype()) == mime::JSON;
        let is_utf8 = media_type.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
        media_type.type_() == mime::APPLICATION && is_json && is_utf8
    })
}

/// The query string, or a problem that lists every fault with its parameter (see [`Parameters`]).
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Parameters::parse(parts.uri.query().unwrap_or_default()).read().map(Self)
    }
}

/// The parameters of the path, or a problem.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                Err(Problem::new(Code::InvalidParameter)
                    .detail(format!("the path: {}", rejection.body_text())))
            }
        }
    }
}

/// The answer 201 with a `Location` and a body.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// The path of the new resource.
    pub location: String,
    /// The new resource.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, axum::Json(self.body)).into_response();
        match HeaderValue::try_from(self.location) {
            Ok(location) => {
                response.headers_mut().insert(header::LOCATION, location);
                response
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_json(values: &[&str]) -> bool {
        let value = |text: &&str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        super::is_json(&values.iter().map(|text| (header::CONTENT_TYPE, value(text))).collect())
    }

    #[test]
    fn json_is_known_by_its_media_type_in_any_case() {
        for good in [
            "application/json",
            "Application/JSON",
            "Application/VND.x+JSON",
            "application/merge-patch+json",
            "application/json;charset=utf-8",
            "application/json; charset=\"UTF-8\"",
            "application/json ; Charset=utf-8",
            "application/json;",
            "application/json; ",
            "application/json; v=1; charset=UTF-8",
            " application/json ",
        ] {
            assert!(is_json(&[good]), "{good}");
        }
    }

    #[test]
    fn what_is_not_json_in_utf_8_is_not_taken() {
        for bad in [
            "",
            "json",
            "text/json",
            "text/plain",
            "application/jsonx",
            "application/x-json",
            "application/+jsonx",
            "application/json+xml",
            "application/json; charset=euc-kr",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/json; charset",
            "multipart/form-data; boundary=application/json",
            "application/json\u{3164}",
        ] {
            assert!(!is_json(&[bad]), "{bad}");
        }
        assert!(!is_json(&[]));
        assert!(!is_json(&["application/json", "application/json"]));
    }
}
