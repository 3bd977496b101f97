//! `ETag` and `If-Match`. An entity tag is the version of a store or an item. An option is a part of its item and shares
//! its tag.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use problem::{Code, Json, Problem};
use utoipa::IntoParams;

use crate::shared::Expected;

/// An answer with an entity tag.
pub(crate) type Tagged<T> = ([(HeaderName, HeaderValue); 1], T);

/// Adds the tag of this version to an answer.
pub(crate) fn tagged<T>(version: i64, answer: T) -> Tagged<T> {
    let tag = HeaderValue::try_from(format!("\"{version}\"")).expect("digits in quotes are a header's value");
    ([(header::ETAG, tag)], answer)
}

/// Shows a store or an item with its tag. The answer is 404 if there is none.
pub(crate) fn show<T, B: From<T>>(
    found: Option<T>,
    version: impl FnOnce(&T) -> i64,
) -> Result<Tagged<Json<B>>, Problem> {
    let found = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(tagged(version(&found), Json(found.into())))
}

/// The versions that the request's `If-Match` names. Without the header, it is any version.
///
/// The comparison is the strong comparison of RFC 9110, section 13.1.1: a weak tag (`W/"3"`) never matches, and neither
/// does a tag that is no version.
#[derive(IntoParams)]
#[into_params(parameter_in = Header, names("If-Match"))]
pub(crate) struct IfMatch(
    /// The `ETag` of the store or item as you read it
    #[param(value_type = Option<String>)]
    pub(crate) Expected,
);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut headers = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        if headers.peek().is_none() {
            return Ok(Self(Expected::Any));
        }
        let tags: Vec<&str> =
            headers.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(str::trim).collect();
        if tags.contains(&"*") {
            return Ok(Self(Expected::Any));
        }
        Ok(Self(Expected::OneOf(tags.into_iter().filter_map(version).collect())))
    }
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(values: &[&'static str]) -> Expected {
        let mut request = http::Request::builder();
        for value in values {
            request = request.header(header::IF_MATCH, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let Ok(IfMatch(expected)) = IfMatch::from_request_parts(&mut parts, &()).await;
        expected
    }

    #[tokio::test]
    async fn tags_are_compared_strongly() {
        assert_eq!(read(&[]).await, Expected::Any);
        assert_eq!(read(&["*"]).await, Expected::Any);
        assert_eq!(read(&["\"3\""]).await, Expected::OneOf(vec![3]));
        assert_eq!(read(&["\"3\", \"4\"", "\"5\""]).await, Expected::OneOf(vec![3, 4, 5]));
        for never in ["W/\"3\"", "3", "\"x\"", "", "\"3"] {
            assert_eq!(read(&[never]).await, Expected::OneOf(vec![]), "{never}");
        }
    }

    #[test]
    fn a_tag_is_the_version_in_quotes() {
        let ([(name, value)], ()) = tagged(7, ());
        assert_eq!((name, value.to_str().unwrap()), (header::ETAG, "\"7\""));
    }
}
