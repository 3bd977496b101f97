//! `ETag`, and the headers of an edit that name tags. An option is a part of its item and shares its tag.
//!
//! A read with `If-None-Match` is not answered with 304. The answers that have a tag also show counters that are not in it, and
//! a 304 would hide that they have changed.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use problem::{Code, Json, Problem};
use utoipa::IntoParams;

use crate::shared::{EntityTag, Expected};

/// An answer with an entity tag.
pub(crate) type Tagged<T> = ([(HeaderName, HeaderValue); 1], T);

/// Adds a tag to an answer.
pub(crate) fn tagged<T>(tag: &EntityTag, answer: T) -> Tagged<T> {
    let tag = HeaderValue::try_from(format!("\"{}\"", tag.as_str()));
    ([(header::ETAG, tag.expect("a tag has only visible characters"))], answer)
}

/// Shows a store or an item with its tag. The answer is 404 if there is none.
pub(crate) fn show<T, B: From<T>>(
    found: Option<T>,
    tag: impl FnOnce(&T) -> EntityTag,
) -> Result<Tagged<Json<B>>, Problem> {
    let found = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(tagged(&tag(&found), Json(found.into())))
}

/// The tags that the request's `If-Match` names. Without the header, it is any tag.
///
/// The comparison is the strong comparison of RFC 9110, section 13.1.1: a weak tag (`W/"3"`) never matches. Several headers
/// are one list. Where it is no list of tags, no tag matches.
#[derive(IntoParams)]
#[into_params(parameter_in = Header, names("If-Match"))]
pub(crate) struct IfMatch(
    /// The `ETag` of the store or item as you read it. If it has another one by now, the answer is 412
    #[param(value_type = Option<String>)]
    pub(crate) Expected,
);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(named(&parts.headers, &header::IF_MATCH, Comparison::Strong).unwrap_or(Expected::Any)))
    }
}

/// The tags that the request's `If-None-Match` names: an edit is not meant for a store or an item with one of them. `None`
/// without the header. The comparison is the weak one (RFC 9110, section 13.1.2).
pub(crate) fn if_none_match(headers: &HeaderMap) -> Option<Expected> {
    named(headers, &header::IF_NONE_MATCH, Comparison::Weak)
}

/// Whether weak tags count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn named(headers: &HeaderMap, name: &HeaderName, comparison: Comparison) -> Option<Expected> {
    let values = headers.get_all(name).iter();
    let lists: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    if lists.is_empty() {
        return None;
    }
    let list = lists.join(",");
    Some(match list.trim_matches(WHITE_SPACE) {
        "*" => Expected::Any,
        list => Expected::OneOf(tags_of(list, comparison).unwrap_or_default()),
    })
}

/// The white space of HTTP lists.
const WHITE_SPACE: [char; 2] = [' ', '\t'];

/// The tags of a list. `None` if it is no list of tags. A comma can be a part of a tag, so the list is not split at commas.
fn tags_of(list: &str, comparison: Comparison) -> Option<Vec<EntityTag>> {
    let mut tags = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(tags);
        }
        let weak = rest.strip_prefix("W/");
        let (tag, after) = weak.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if weak.is_none() || comparison == Comparison::Weak {
            tags.push(EntityTag::new(tag));
        }
        rest = after.trim_start_matches(WHITE_SPACE);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
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

    fn one_of(tags: &[&str]) -> Expected {
        Expected::OneOf(tags.iter().map(|tag| EntityTag::new(*tag)).collect())
    }

    #[tokio::test]
    async fn only_strong_tags_of_a_well_formed_list_are_expected() {
        assert_eq!(read(&[]).await, Expected::Any);
        assert_eq!(read(&[" *\t"]).await, Expected::Any);
        assert_eq!(read(&["\"3\""]).await, one_of(&["3"]));
        assert_eq!(read(&["\"3\", W/\"x\",,\t\"4-a\" ", "\"a,b\""]).await, one_of(&["3", "4-a", "a,b"]));
        assert_eq!(read(&["\"\""]).await, one_of(&[""]));
        for never in ["W/\"3\"", "3", "", "\"3", "\"3\" \"4\"", "\"3\"4", "\"3\", *", "w/\"3\"", "\"3\", 4"] {
            assert_eq!(read(&[never]).await, one_of(&[]), "{never}");
        }
        assert_eq!(read(&["*", "\"3\""]).await, one_of(&[]));
    }

    #[test]
    fn weak_tags_count_where_an_edit_is_not_meant_for_them() {
        let read = |value: &'static str| {
            if_none_match(&HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]))
        };
        assert_eq!(if_none_match(&HeaderMap::new()), None);
        assert_eq!(read("*"), Some(Expected::Any));
        assert_eq!(read("W/\"3\", \"4\""), Some(one_of(&["3", "4"])));
        assert_eq!(read("3"), Some(one_of(&[])));
    }

    #[test]
    fn a_tag_is_shown_in_quotes() {
        let ([(name, value)], ()) = tagged(&EntityTag::new("7"), ());
        assert_eq!((name, value.to_str().unwrap()), (header::ETAG, "\"7\""));
    }
}
