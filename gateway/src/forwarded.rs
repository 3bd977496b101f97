//! The header field `Forwarded` (RFC 7239), with which the gateway tells a service where a request comes from.
//!
//! It says what `X-Forwarded-For`, `-Host` and `-Proto` say. What a client sends under this name is removed with the other fields that
//! only the gateway sets; what a trusted proxy sends is read before (`client_address`).

use std::io::Write as _;
use std::net::IpAddr;

use axum::http::HeaderValue;

use crate::client_address;
use crate::settings::Scheme;

/// Longer than nearly all values.
const CAPACITY: usize = 128;

/// The value for a request from this address to this host. It has one element: the client, as this gateway sees it. The gateway
/// calls itself `_gateway`, because a service needs to know no more of it (RFC 7239, section 6.3).
pub(crate) fn value(client: IpAddr, host: Option<&HeaderValue>, scheme: Scheme) -> HeaderValue {
    let mut value = Vec::with_capacity(CAPACITY);
    value.extend_from_slice(b"by=_gateway;for=");
    // Writing to memory does not fail.
    let _ = match client {
        IpAddr::V4(_) => write!(value, "{}", client_address::as_text(client)),
        // It has colons, and so stands in quotes (section 6).
        IpAddr::V6(address) => write!(value, "\"[{address}]\""),
    };
    if let Some(host) = host {
        value.extend_from_slice(b";host=");
        push(&mut value, host.as_bytes());
    }
    value.extend_from_slice(b";proto=");
    value.extend_from_slice(scheme.as_str().as_bytes());
    HeaderValue::try_from(value).expect("it is made of values of header fields")
}

/// Appends a token as it is, and everything else as a quoted string, so that it can't end its element and begin another one.
fn push(value: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() && text.iter().all(|byte| is_of_token(*byte)) {
        value.extend_from_slice(text);
        return;
    }
    value.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(byte);
    }
    value.push(b'"');
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(address: &str, host: Option<&'static str>, scheme: Scheme) -> String {
        let host = host.map(HeaderValue::from_static);
        value(address.parse().unwrap(), host.as_ref(), scheme).to_str().unwrap().to_owned()
    }

    #[test]
    fn it_names_the_client_the_host_and_the_scheme() {
        let plain = value_of("203.0.113.9", Some("shop.example"), Scheme::Https);
        assert_eq!(plain, "by=_gateway;for=203.0.113.9;host=shop.example;proto=https");
        let without_host = value_of("203.0.113.9", None, Scheme::Http);
        assert_eq!(without_host, "by=_gateway;for=203.0.113.9;proto=http");
    }

    #[test]
    fn what_is_no_token_is_quoted() {
        let ipv6 = value_of("2001:db8::1", Some("[2001:db8::2]:8080"), Scheme::Http);
        assert_eq!(ipv6, r#"by=_gateway;for="[2001:db8::1]";host="[2001:db8::2]:8080";proto=http"#);
        for (host, written) in [
            ("shop.example:8080", r#""shop.example:8080""#),
            ("a;proto=https", r#""a;proto=https""#),
            ("a,for=10.0.0.1", r#""a,for=10.0.0.1""#),
            (r#"a";for=10.0.0.1;x=""#, r#""a\";for=10.0.0.1;x=\"""#),
            (r"a\", r#""a\\""#),
            ("", r#""""#),
        ] {
            let expected = format!("by=_gateway;for=192.0.2.1;host={written};proto=http");
            assert_eq!(value_of("192.0.2.1", Some(host), Scheme::Http), expected, "{host}");
        }
    }
}
