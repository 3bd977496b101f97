//! The entity tags of compressed answers.
//!
//! A compressed answer has other bytes than the service has sent, so it has another tag (RFC 9110, section 8.8.3): `"7"` becomes
//! `"7~gzip"`. It stays a strong tag if it was one, because a client may edit by it (`If-Match`). The service gets its own tag back.

use axum::http::header::Entry;
use axum::http::{HeaderMap, HeaderValue, header};

use super::accept::{CODINGS, Coding};

/// It stands between the tag of the service and the coding.
const MARK: u8 = b'~';

/// Gives an answer the tag of its coding.
pub(super) fn mark(headers: &mut HeaderMap, coding: Coding) {
    if let Some(marked) = headers.get(header::ETAG).and_then(|tag| marked(tag, coding)) {
        headers.insert(header::ETAG, marked);
    }
}

/// `None` if it is no tag.
fn marked(tag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    let inside = tag.as_bytes().strip_suffix(b"\"")?;
    HeaderValue::from_bytes(&[inside, &[MARK], coding.name().as_bytes(), b"\""].concat()).ok()
}

/// Gives an answer 304 the tag under which its client has the answer.
pub(super) fn mark_as_asked(headers: &mut HeaderMap, asked: &[HeaderValue], coding: Coding) {
    let Some(marked) = headers.get(header::ETAG).and_then(|tag| marked(tag, coding)) else { return };
    // A tag that its client has made weak is the same for a 304 (section 13.1.2).
    let opaque = marked.as_bytes().strip_prefix(b"W/").unwrap_or(marked.as_bytes());
    if asked.iter().any(|value| position(value.as_bytes(), opaque).is_some()) {
        headers.insert(header::ETAG, marked);
    }
}

/// Gives the service its own tags in a request that edits: those of every coding.
pub(super) fn restore_all(headers: &mut HeaderMap) {
    if !headers.contains_key(header::IF_MATCH) && !headers.contains_key(header::IF_NONE_MATCH) {
        return;
    }
    for coding in CODINGS {
        restore(headers, &header::IF_MATCH, coding);
        restore(headers, &header::IF_NONE_MATCH, coding);
    }
}

/// Gives the service its own tags in a request that reads. `If-None-Match` may name answers in several codings; only the one in
/// the coding that this client gets now is still good for it.
pub(super) fn restore_for(headers: &mut HeaderMap, coding: Option<Coding>) {
    if let Some(coding) = coding {
        restore(headers, &header::IF_NONE_MATCH, coding);
    }
    if headers.contains_key(header::IF_MATCH) {
        for coding in CODINGS {
            restore(headers, &header::IF_MATCH, coding);
        }
    }
}

fn restore(headers: &mut HeaderMap, name: &header::HeaderName, coding: Coding) {
    if !headers.contains_key(name) {
        return;
    }
    // No quote can stand inside of a tag.
    let end = [&[MARK], coding.name().as_bytes(), b"\""].concat();
    let Entry::Occupied(mut values) = headers.entry(name) else { return };
    for value in values.iter_mut() {
        if position(value.as_bytes(), &end).is_some()
            && let Ok(restored) = HeaderValue::from_bytes(&without(value.as_bytes(), &end))
        {
            *value = restored;
        }
    }
}

/// The text with a quote in place of each `end`.
fn without(text: &[u8], end: &[u8]) -> Vec<u8> {
    let (mut restored, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = position(rest, end) {
        restored.extend_from_slice(&rest[..at]);
        restored.push(b'"');
        rest = &rest[at + end.len()..];
    }
    restored.extend_from_slice(rest);
    restored
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn tag_after(tag: &'static str, change: impl FnOnce(&mut HeaderMap)) -> String {
        let mut headers = headers(&[(header::ETAG, tag)]);
        change(&mut headers);
        headers[header::ETAG].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_compressed_answer_has_a_tag_of_its_own_which_is_as_strong() {
        for (tag, expected) in
            [("\"7\"", "\"7~gzip\""), ("W/\"7\"", "W/\"7~gzip\""), ("\"\"", "\"~gzip\""), ("7", "7")]
        {
            assert_eq!(tag_after(tag, |headers| mark(headers, Coding::Gzip)), expected, "{tag}");
        }
    }

    #[test]
    fn a_304_has_the_tag_under_which_its_client_has_the_answer() {
        let asked = |values: &[&'static str]| {
            let asked: Vec<_> = values.iter().map(|value| HeaderValue::from_static(value)).collect();
            tag_after("\"7\"", |headers| mark_as_asked(headers, &asked, Coding::Brotli))
        };
        for values in [&["\"7~br\""][..], &["W/\"7~br\""], &["\"1\", \"7\"", "\"6~br\" , \"7~br\""]] {
            assert_eq!(asked(values), "\"7~br\"", "{values:?}");
        }
        for values in [&["\"7\""][..], &["*"], &["\"17~br\""], &["\"7~br2\""], &[]] {
            assert_eq!(asked(values), "\"7\"", "{values:?}");
        }
    }

    #[test]
    fn the_service_gets_its_own_tags() {
        let fields = [
            (header::IF_MATCH, "\"7~gzip\", W/\"a,b~br\""),
            (header::IF_MATCH, "\"8~zstd\""),
            (header::IF_NONE_MATCH, "\"7~gzip\", \"7\", \"6~br\", \"x~gzipped\", \"~gzip\""),
        ];
        let of = |headers: &HeaderMap, name| {
            headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut edits = headers(&fields);
        restore_all(&mut edits);
        assert_eq!(of(&edits, header::IF_MATCH), ["\"7\", W/\"a,b\"", "\"8\""]);
        assert_eq!(of(&edits, header::IF_NONE_MATCH), ["\"7\", \"7\", \"6\", \"x~gzipped\", \"\""]);

        let mut reads = headers(&fields);
        restore_for(&mut reads, Some(Coding::Gzip));
        assert_eq!(of(&reads, header::IF_NONE_MATCH), ["\"7\", \"7\", \"6~br\", \"x~gzipped\", \"\""]);
        assert_eq!(of(&reads, header::IF_MATCH), of(&edits, header::IF_MATCH));

        let mut plain = headers(&fields);
        restore_for(&mut plain, None);
        assert_eq!(of(&plain, header::IF_NONE_MATCH), [fields[2].1]);
    }
}
