//! Which header fields pass the gateway, and which it writes itself.
//!
//! Nothing behind the gateway trusts a header that says who the caller is, and still none such gets through: a service
//! that one day makes that mistake must not be open to the world by it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::settings::Scheme;

/// Fields that are about one connection only (RFC 9110, section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which proxies tell applications who calls, from where, or what was really asked for, and names that the
/// system before this one used. Inbound, each of them is dropped together with every field that has the name as a
/// prefix: `x-user` stands for `x-user-id` and `x-user-roles` as well. An underscore counts as a dash, because much
/// software cannot tell the two apart.
pub const IDENTITY_HEADERS: [&str; 30] = [
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

/// What the gateway knows of the client's side of a request.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The other end of the connection.
    pub address: Option<IpAddr>,
    /// The host that the client asked for.
    pub host: Option<HeaderValue>,
    /// The scheme of the address that clients use.
    pub scheme: Scheme,
}

/// Makes a client's header fields those of a request to a service.
///
/// `Host` is dropped for the client to fill in with the instance's address. `Content-Length` is dropped because the
/// framing of the body is told by the body. `Expect` has been answered by our server: reading the body sends the 100.
pub fn to_service(headers: &mut HeaderMap, outside: &Outside) {
    drop_hop_by_hop(headers);
    let from_outside: Vec<HeaderName> = headers.keys().filter(|name| is_identity(name)).cloned().collect();
    for name in from_outside {
        headers.remove(name);
    }
    for name in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(name);
    }
    if let Some(address) = outside.address.and_then(|address| HeaderValue::try_from(address.to_string()).ok())
    {
        headers.insert("x-forwarded-for", address);
    }
    if let Some(host) = &outside.host {
        headers.insert("x-forwarded-host", host.clone());
    }
    // RFC 9110, section 7.6.3: a gateway adds itself.
    headers.append(header::VIA, HeaderValue::from_static("1.1 gateway"));
    headers.insert("x-forwarded-proto", HeaderValue::from_static(outside.scheme.as_str()));
    telemetry::inject(headers);
}

/// Makes a service's header fields those of an answer to a client.
pub fn to_client(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
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
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn is_identity(name: &HeaderName) -> bool {
    let name = name.as_str().replace('_', "-");
    IDENTITY_HEADERS
        .iter()
        .any(|stem| name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside() -> Outside {
        Outside {
            address: Some(IpAddr::from([203, 0, 113, 9])),
            host: Some(HeaderValue::from_static("shop.example")),
            scheme: Scheme::Https,
        }
    }

    fn passed_on(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        to_service(&mut headers, &outside());
        headers
    }

    #[test]
    fn what_the_request_is_about_passes() {
        let headers = passed_on(&[
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
    fn every_identity_header_is_dropped_with_its_variants() {
        for stem in IDENTITY_HEADERS {
            for name in [stem.to_owned(), format!("{stem}-id"), format!("{stem}-id").replace('-', "_")] {
                let mut headers = HeaderMap::new();
                headers.insert(HeaderName::try_from(&name).unwrap(), HeaderValue::from_static("forged"));
                to_service(&mut headers, &outside());
                assert!(headers.values().all(|value| value != "forged"), "{name}");
            }
        }
    }

    #[test]
    fn hop_by_hop_fields_are_dropped_with_those_that_connection_names() {
        let headers = passed_on(&[
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
        assert_eq!(left, ["traceparent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
    }

    #[test]
    fn where_a_request_came_from_is_said_by_us_alone() {
        let headers = passed_on(&[
            ("connection", "x-forwarded-for, x-forwarded-proto"),
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "evil.example"),
            ("host", "shop.example"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ]);
        let all = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("x-forwarded-for"), ["203.0.113.9"]);
        assert_eq!(all("x-forwarded-host"), ["shop.example"]);
        assert_eq!(all("x-forwarded-proto"), ["https"]);
        assert!(!headers.contains_key("forwarded") && !headers.contains_key("host"));
        assert!(!all("traceparent")[0].contains("4bf92f3577b34da6a3ce929d0e0e4736"));
    }

    #[test]
    fn an_answer_loses_only_what_was_about_its_connection() {
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
