//! Rules of HTTP that hyper does not check.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};

use crate::refusal::Refusal;

/// Refuses a request without exactly one valid host, with an upgrade to another protocol, or with a transfer coding beside
/// `chunked`.
pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    check_host(request)?;
    check_upgrade(request)?;
    check_transfer_coding(request)
}

/// Returns the host that the client asked for. In a request in absolute form, and in one of HTTP/2, it is the host of the URI.
/// `Host` is then ignored (RFC 9112, section 3.2.2), or the same.
pub(crate) fn host(request: &Request) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::try_from(authority.as_str()).ok(),
        None => request.headers().get(header::HOST).cloned(),
    }
}

/// An HTTP/1.1 request must have exactly one valid `Host` (RFC 9112, section 3.2). A request of HTTP/2 must have an authority or a
/// `Host`, and may have both if they are the same (RFC 9113, section 8.3.1).
fn check_host(request: &Request) -> Result<(), Refusal> {
    // It goes to the services as the host, also in HTTP/1.
    if request.uri().authority().is_some_and(|name| !is_host(name.as_str())) {
        return Err(Refusal::BadHost);
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let of_http2 = request.uri().authority().filter(|_| request.version() == Version::HTTP_2);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) && of_http2.is_none_or(|name| is_same(name, host)) => Ok(()),
        (None, _) if of_http2.is_some_and(|name| is_host(name.as_str().as_bytes())) => Ok(()),
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(Refusal::BadHost),
    }
}

fn is_same(authority: &Authority, host: &HeaderValue) -> bool {
    authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
}

fn is_host(value: impl AsRef<[u8]>) -> bool {
    if is_plain_host(value.as_ref()) {
        return true;
    }
    let authority = Authority::try_from(value.as_ref());
    authority.is_ok_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

/// Whether a host is a name or an IPv4 address, with or without a port. Most are, and need not be parsed.
fn is_plain_host(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b':');
    let (name, port) = (parts.next().unwrap_or_default(), parts.next());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let is_port = |port: &[u8]| (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    !name.is_empty() && name.iter().all(is_name) && port.is_none_or(is_port) && parts.next().is_none()
}

/// Refuses an upgrade, because the gateway could not check the connection after it. An offer of HTTP/2 alone is ignored,
/// as RFC 9110 allows: Java's HTTP client, for instance, makes it with every first request.
fn check_upgrade(request: &Request) -> Result<(), Refusal> {
    let offered = request.headers().get_all(header::UPGRADE).iter();
    let only_http2 = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    if offered.into_iter().all(only_http2) { Ok(()) } else { Err(Refusal::Upgrade) }
}

/// hyper removes `chunked` and leaves another coding, such as `gzip, chunked`, on the body. A service would take the coded
/// bytes for the content (RFC 9112, section 6.1).
fn check_transfer_coding(request: &Request) -> Result<(), Refusal> {
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings.all(is_chunked) { Ok(()) } else { Err(Refusal::TransferCoding) }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderMap;

    use super::*;

    fn request(version: Version, hosts: &[&'static str]) -> Request {
        let mut request = Request::new(Body::empty());
        *request.version_mut() = version;
        let hosts = hosts.iter().map(|host| (header::HOST, HeaderValue::from_static(host)));
        for (name, value) in hosts {
            request.headers_mut().append(name, value);
        }
        request
    }

    #[test]
    fn exactly_one_valid_host_is_accepted() {
        for host in ["shop.example", "shop.example:8080", "127.0.0.1", "[::1]:8080", "xn--oy2b35j.example"] {
            assert!(check(&request(Version::HTTP_11, &[host])).is_ok(), "{host}");
        }
        for hosts in [vec![], vec![""], vec!["a", "a"], vec!["a/b"], vec!["user@a"], vec!["a b"], vec![":80"]]
        {
            let refused = check(&request(Version::HTTP_11, &hosts));
            assert!(matches!(refused, Err(Refusal::BadHost)), "{hosts:?}");
        }
        assert!(check(&request(Version::HTTP_10, &[])).is_ok());
    }

    #[test]
    fn a_host_that_is_accepted_at_first_sight_is_valid() {
        let hosts = [
            "a",
            "127.0.0.1",
            "shop.example:8080",
            "a:99999",
            "-",
            "...",
            "a:",
            "a:b",
            "a:1:2",
            ":1",
            "a@b",
            "a_b",
            "",
        ];
        let plain: Vec<&str> = hosts.into_iter().filter(|host| is_plain_host(host.as_bytes())).collect();
        assert_eq!(plain, ["a", "127.0.0.1", "shop.example:8080", "a:99999", "-", "..."]);
        assert!(
            plain
                .into_iter()
                .all(|host| Authority::try_from(host).is_ok_and(|parsed| !parsed.host().is_empty()))
        );
    }

    #[test]
    fn a_request_of_http2_has_one_host_however_it_says_so() {
        let with_authority = |uri: &str, hosts: &[&'static str]| {
            let mut request = request(Version::HTTP_2, hosts);
            *request.uri_mut() = uri.parse().unwrap();
            request
        };
        let good = with_authority("http://shop.example/api", &[]);
        assert!(check(&good).is_ok());
        assert_eq!(host(&good).unwrap(), "shop.example");
        assert!(check(&with_authority("http://shop.example/api", &["Shop.example"])).is_ok());
        assert!(check(&with_authority("/api", &["shop.example"])).is_ok());
        for (uri, hosts) in [
            ("/api", vec![]),
            ("http://shop.example/api", vec!["evil.example"]),
            ("http://shop.example/api", vec!["shop.example", "shop.example"]),
            ("http://user@shop.example/api", vec![]),
        ] {
            assert!(matches!(check(&with_authority(uri, &hosts)), Err(Refusal::BadHost)), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn the_uri_of_a_request_in_absolute_form_decides_the_host() {
        let mut absolute = request(Version::HTTP_11, &["evil.example"]);
        *absolute.uri_mut() = "http://shop.example/api".parse().unwrap();
        assert_eq!(host(&absolute).unwrap(), "shop.example");
        assert!(check(&absolute).is_ok());
        *absolute.uri_mut() = "http://user@shop.example/api".parse().unwrap();
        assert!(matches!(check(&absolute), Err(Refusal::BadHost)));
        assert_eq!(host(&request(Version::HTTP_11, &["shop.example"])).unwrap(), "shop.example");
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        let with_coding = |value: &'static str| {
            let mut request = request(Version::HTTP_11, &["a"]);
            request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static(value));
            check(&request)
        };
        for value in ["chunked", "Chunked"] {
            assert!(with_coding(value).is_ok(), "{value}");
        }
        for value in ["gzip, chunked", "gzip", "identity", "chunked, chunked", ""] {
            assert!(matches!(with_coding(value), Err(Refusal::TransferCoding)), "{value:?}");
        }
    }

    #[test]
    fn upgrades_are_refused_and_an_offer_of_http2_is_ignored() {
        let with_upgrade = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("a"));
            for value in values {
                headers.append(header::UPGRADE, HeaderValue::from_static(value));
            }
            let mut request = request(Version::HTTP_11, &[]);
            *request.headers_mut() = headers;
            check(&request)
        };
        assert!(with_upgrade(&["h2c"]).is_ok());
        for values in [&["websocket"][..], &["h2c", "websocket"], &["TLS/1.0"], &["h2c, websocket"]] {
            assert!(matches!(with_upgrade(values), Err(Refusal::Upgrade)), "{values:?}");
        }
    }
}
