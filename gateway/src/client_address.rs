//! The address of the client behind the proxies that the settings trust.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

/// The networks of trusted proxies. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// The networks of a setting that [`check`] has accepted.
    pub(crate) fn new(networks: &[String]) -> Self {
        Self(networks.iter().filter_map(|text| network(text)).collect())
    }

    /// Returns the address of the client.
    ///
    /// Each proxy appends the address of its own client to `X-Forwarded-For` or `Forwarded` (RFC 7239). So the header is read
    /// from its end. The first address that is not a trusted proxy is the client's. Everything before it may be forged. If an
    /// address can't be read, the proxy that wrote it counts as the client.
    ///
    /// The gateway does not know which of the two headers the proxies write. They forward the other one as the client sent it.
    /// If the two headers give different clients, the peer counts as the client.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let of = |name: &str, address: fn(&str) -> Option<IpAddr>| {
            let mut elements = elements_from_end(headers, name).peekable();
            elements
                .peek()
                .is_some()
                .then(|| self.first_untrusted(peer, elements.map(|element| element.and_then(address))))
        };
        let x_forwarded_for = of("x-forwarded-for", node);
        let forwarded = of("forwarded", forwarded_for);
        match (x_forwarded_for, forwarded) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(client), Some(same)) if client == same => client,
            _ => peer,
        }
    }

    fn first_untrusted(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut last = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            last = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        last
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as text. It is written for each request, and the formatting of the standard library takes several times as long.
pub(crate) fn as_text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for (unit, is_shown) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
            if is_shown {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// Checks a network in the settings: an address, or an address and the length of its prefix.
pub(crate) fn check<C>(text: &str, _context: &C) -> garde::Result {
    match network(text) {
        Some(network) if network.prefix_len() > 0 => Ok(()),
        Some(_) => Err(garde::Error::new("would trust everybody")),
        None => Err(garde::Error::new("not a network like `10.0.0.0/8` or an address")),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical())))
}

/// The elements of a list in a header, from the last one; `None` for a field that is no text.
fn elements_from_end<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Option<&'a str>> {
    let fields: Vec<&'a HeaderValue> = headers.get_all(name).iter().collect();
    fields.into_iter().rev().flat_map(|field| {
        let elements: Vec<Option<&'a str>> = match field.to_str() {
            Ok(text) => text.rsplit(',').map(|element| Some(element.trim())).collect(),
            Err(_) => vec![None],
        };
        elements
    })
}

/// The address of an element of `Forwarded`. Each of its parameters must be well-formed: a comma may stand in a quoted value, and
/// half of such a value is no element.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut address = None;
    for parameter in element.split(';') {
        let (name, value) = parameter.trim().split_once('=')?;
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        if !is_token(name) || value.is_empty() || value.contains(['"', '\\']) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") && address.replace(node(value)?).is_some() {
            return None;
        }
    }
    address
}

/// The address of a node: with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bracketed.unwrap_or(text).parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(address.to_canonical())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    /// The client behind the peer 10.0.0.1, where 10.0.0.0/8 and a network of IPv6 are trusted.
    fn client(headers: &[(&'static str, &'static str)]) -> String {
        client_of("10.0.0.1", headers)
    }

    fn client_of(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".to_owned(), "2001:db8:1::/48".to_owned()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        trusted.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for address in
            ["0.0.0.0", "9.10.99.100", "127.0.0.1", "255.201.7.30", "2001:db8::1", "::ffff:192.0.2.1"]
        {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(as_text(address), address.to_string());
        }
    }

    #[test]
    fn without_a_trusted_proxy_the_peer_is_the_client() {
        assert_eq!(client_of("192.0.2.1", &[("x-forwarded-for", "198.51.100.1")]), "192.0.2.1");
        assert_eq!(client_of("192.0.2.1", &[("forwarded", "for=198.51.100.1")]), "192.0.2.1");
        let nobody = TrustedProxies::new(&[]);
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static("198.51.100.1"),
        )]);
        assert_eq!(nobody.client([127, 0, 0, 1].into(), &headers).to_string(), "127.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_client() {
        for (value, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("1.1.1.1, 198.51.100.1", "198.51.100.1"),
            ("1.1.1.1,198.51.100.1 , 10.9.9.9", "198.51.100.1"),
            ("10.0.0.7, 198.51.100.1, 2001:db8:1::5, 10.9.9.9", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8:2::1", "2001:db8:2::1"),
            ("[2001:db8:2::1]:80", "2001:db8:2::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            // All are trusted: the request began in there.
            ("10.0.0.7, 10.9.9.9", "10.0.0.7"),
        ] {
            assert_eq!(client(&[("x-forwarded-for", value)]), expected, "{value}");
        }
        let twice = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client(&twice), "198.51.100.1");
        assert_eq!(client_of("::ffff:10.0.0.1", &twice), "198.51.100.1");
        assert_eq!(client(&[]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_like_it() {
        for (value, expected) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=\"[2001:db8:2::1]:4711\";proto=https;by=10.0.0.1", "2001:db8:2::1"),
            ("for=1.1.1.1, for=198.51.100.1;host=\"shop.example\", for=10.0.0.3", "198.51.100.1"),
        ] {
            assert_eq!(client(&[("forwarded", value)]), expected, "{value}");
        }
    }

    #[test]
    fn a_header_that_can_not_be_read_is_not_trusted() {
        for value in [
            "",
            "unknown",
            "198.51.100.1, ",
            "1.1.1.1, _hidden",
            "198.51.100.1:99999",
            "fe80::1%eth0",
            "1.2.3",
        ] {
            assert_eq!(client(&[("x-forwarded-for", value)]), "10.0.0.1", "{value}");
        }
        assert_eq!(client(&[("x-forwarded-for", "1.1.1.1, nonsense, 10.9.9.9")]), "10.9.9.9");
        for value in [
            "for=unknown",
            "for=_hidden",
            "proto=https",
            "for",
            "for=1.1.1.1;for=2.2.2.2",
            "for=198.51.100.1;host=\"x, for=9.9.9.9\"",
            "for=198.51.100.1;host=\"x,for=9.9.9.9;a=b\";proto=http",
            "for=198.51.100.1;host=\"\\\",for=9.9.9.9;x=\"\"",
        ] {
            assert_eq!(client(&[("forwarded", value)]), "10.0.0.1", "{value}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        let both = |forwarded| client(&[("x-forwarded-for", "198.51.100.1"), ("forwarded", forwarded)]);
        assert_eq!(both("for=198.51.100.1"), "198.51.100.1");
        assert_eq!(both("for=9.9.9.9"), "10.0.0.1");
    }

    #[test]
    fn a_setting_is_a_network_or_an_address_and_not_everybody() {
        for good in ["10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::1"] {
            assert!(check(good, &()).is_ok(), "{good}");
        }
        for bad in ["", "0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy.example", "10.0.0.0/8, 192.168.0.0/16"] {
            assert!(check(bad, &()).is_err(), "{bad}");
        }
    }
}
