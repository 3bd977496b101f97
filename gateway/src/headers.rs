//! The header fields that the gateway forwards, removes and sets.
//!
//! No service trusts a header that names the caller. The gateway removes such headers nevertheless, so that a service that
//! trusts one by mistake is still safe.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Version, header};

use crate::client_address;
use crate::forwarded;
use crate::settings::Scheme;

/// Fields that concern only one connection (RFC 9110, section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Fields that tell an application who the caller is, where the request comes from, what its original path or method
/// was, or how long its caller waits; among them are names of the predecessor of this system. They are removed from requests, together with every field
/// that has the name as a prefix: `x-user` includes `x-user-id` and `x-user-roles`. An underscore counts as a dash, because
/// many programs treat them as equal.
pub const IDENTITY_HEADERS: [&str; 31] = [
    "baggage",
    "forwarded",
    "remote-user",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "x-account",
    "x-admin",
    "x-auth",
    "x-authenticated",
    "x-authorization",
    "x-client",
    "x-customer",
    "x-deadline",
    "x-forwarded",
    "x-http-method",
    "x-identity",
    "x-internal",
    "x-member",
    "x-method-override",
    "x-original",
    "x-principal",
    "x-real-ip",
    "x-remote",
    "x-rewrite",
    "x-role",
    "x-roles",
    "x-scope",
    "x-seller",
    "x-service",
    "x-user",
];

const HOP_BY_HOP_LETTERS: u32 = first_letters(&HOP_BY_HOP);
const IDENTITY_LETTERS: u32 = first_letters(&IDENTITY_HEADERS);

/// The first letters of names, as bits. They spare the other fields, which are nearly all, the comparison with each.
const fn first_letters(names: &[&str]) -> u32 {
    let (mut letters, mut at) = (0, 0);
    while at < names.len() {
        letters |= 1 << (names[at].as_bytes()[0] - b'a');
        at += 1;
    }
    letters
}

fn begins_like(name: &str, letters: u32) -> bool {
    let letter = name.as_bytes().first().map_or(26, |first| first.wrapping_sub(b'a'));
    letter < 26 && letters & (1 << letter) != 0
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client's side of a request.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// The address of the client, behind the proxies that are trusted.
    pub address: IpAddr,
    /// The host that the client asked for.
    pub host: Option<HeaderValue>,
    /// The scheme that the client uses.
    pub scheme: Scheme,
}

/// Changes the header fields of a client's request into those of a request to a service.
///
/// `Host` is removed, because the HTTP client sets it to the address of the instance. `Content-Length` is removed, because
/// the HTTP client takes it from the body. `Expect` is removed, because our server answers it when the body is read. `Trailer` is
/// removed, because trailers of a request are not passed on: they would be fields that nobody has checked.
pub fn to_service<B>(request: &mut Request<B>, client: &ClientInfo) {
    let version = request.version();
    let headers = request.headers_mut();
    let takes_trailers = headers.get(header::TE).is_some_and(|value| value == "trailers");
    remove_named_by_connection(headers);
    remove_all(headers, |name| {
        is_hop_by_hop(name)
            || is_identity(name)
            || [header::HOST, header::CONTENT_LENGTH, header::EXPECT, header::TRAILER].contains(name)
    });
    // For the fields that are added here, and for those of the HTTP client.
    headers.reserve(8);
    let address = HeaderValue::try_from(client_address::as_text(client.address));
    headers.insert(X_FORWARDED_FOR, address.expect("an address is visible ASCII"));
    if let Some(host) = &client.host {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    let forwarded = forwarded::value(client.address, client.host.as_ref(), client.scheme);
    headers.insert(header::FORWARDED, forwarded);
    // A gateway must add itself (RFC 9110, section 7.6.3).
    let via = if version == Version::HTTP_2 { "2.0 gateway" } else { "1.1 gateway" };
    headers.append(header::VIA, HeaderValue::from_static(via));
    if version == Version::HTTP_2 {
        join_cookies(headers);
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.as_str()));
    if takes_trailers {
        // Those of an answer are passed on to clients that say so.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    telemetry::inject(headers);
}

/// HTTP/2 may send the pairs of a cookie as fields of their own; HTTP/1 may not (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pairs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if pairs.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&pairs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Changes the header fields of a service's answer into those of the answer to the client.
pub fn to_client(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    remove_named_by_connection(headers);
    remove_all(headers, is_hop_by_hop);
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    // Many name only this field, which is removed in any case.
    let names_others = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    if !headers.get_all(header::CONNECTION).iter().any(names_others) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    begins_like(name, HOP_BY_HOP_LETTERS) && HOP_BY_HOP.contains(&name)
}

/// Removes the fields with these names. Looking at each name that is there is faster than asking for each that might be: a
/// request has some ten fields.
fn remove_all(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| is_unwanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

fn is_identity(name: &HeaderName) -> bool {
    let name = name.as_str();
    if !begins_like(name, IDENTITY_LETTERS) {
        return false;
    }
    let name = if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) };
    IDENTITY_HEADERS
        .iter()
        .any(|stem| name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> ClientInfo {
        ClientInfo {
            address: IpAddr::from([203, 0, 113, 9]),
            host: Some(HeaderValue::from_static("shop.example")),
            scheme: Scheme::Https,
        }
    }

    fn forwarded(fields: &[(&str, &'static str)]) -> HeaderMap {
        forwarded_from(Version::HTTP_11, fields)
    }

    fn forwarded_from(version: Version, fields: &[(&str, &'static str)]) -> HeaderMap {
        let mut request = Request::new(());
        *request.version_mut() = version;
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        to_service(&mut request, &client());
        request.into_parts().0.headers
    }

    #[test]
    fn the_pairs_of_a_cookie_of_http2_are_one_field_of_http1() {
        let fields = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("x-a", "1"), ("x-a", "2")];
        let headers = forwarded_from(Version::HTTP_2, &fields);
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert_eq!(headers["via"], "2.0 gateway");
        assert_eq!(forwarded(&[("cookie", "a=1")])["via"], "1.1 gateway");
    }

    #[test]
    fn fields_about_the_request_are_forwarded() {
        let headers = forwarded(&[
            ("authorization", "Bearer t"),
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
            ("if-match", "\"1\""),
            ("x-requested-with", "fetch"),
        ]);
        for name in ["authorization", "content-type", "idempotency-key", "if-match", "x-requested-with"] {
            assert!(headers.contains_key(name), "{name}");
        }
    }

    #[test]
    fn every_identity_header_is_removed_with_its_variants() {
        for stem in IDENTITY_HEADERS {
            for name in [stem.to_owned(), format!("{stem}-id"), format!("{stem}-id").replace('-', "_")] {
                let headers = forwarded_from(Version::HTTP_11, &[(&name, "forged")]);
                assert!(headers.values().all(|value| value != "forged"), "{name}");
            }
        }
    }

    #[test]
    fn hop_by_hop_fields_are_removed_with_those_that_connection_names() {
        let headers = forwarded(&[
            ("connection", "keep-alive, X-Secret-Hop"),
            ("connection", "x-other-hop"),
            ("x-secret-hop", "1"),
            ("x-other-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
            ("proxy-authorization", "Basic Zm9v"),
        ]);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let of_client = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        let own = [&["forwarded", "te", "traceparent", "via"], &of_client[..]].concat();
        assert_eq!((left, &headers["te"]), (own, &HeaderValue::from_static("trailers")));
    }

    #[test]
    fn only_the_gateway_sets_where_a_request_came_from() {
        let headers = forwarded(&[
            ("connection", "x-forwarded-for, x-forwarded-proto, forwarded"),
            ("forwarded", "for=10.0.0.1"),
            ("forwarded", "for=10.0.0.2;proto=https, for=10.0.0.3"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "evil.example"),
            ("host", "shop.example"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ]);
        let all = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("x-forwarded-for"), ["203.0.113.9"]);
        assert_eq!(all("x-forwarded-host"), ["shop.example"]);
        assert_eq!(all("x-forwarded-proto"), ["https"]);
        assert_eq!(all("forwarded"), ["by=_gateway;for=203.0.113.9;host=shop.example;proto=https"]);
        assert!(!headers.contains_key("host"));
        assert!(!all("traceparent")[0].contains("4bf92f3577b34da6a3ce929d0e0e4736"));
    }

    #[test]
    fn an_answer_loses_only_the_fields_of_its_connection() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("etag", "\"1\""),
            ("content-length", "2"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        to_client(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "etag"]);
    }
}
