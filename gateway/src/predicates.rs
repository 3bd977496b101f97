//! What a route asks of a request besides its path and method: the host, and header fields.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::settings::HeaderPredicate;

/// What a route asks of a request. Without any, it takes every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Predicates {
    host: Option<HostPattern>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One host, or all hosts below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostPattern {
    name: String,
    is_wildcard: bool,
}

/// Why a predicate of the settings is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredicateFault {
    /// It is no host.
    #[error("is no host like `shop.example` or `*.shop.example`, in lower case and without a port")]
    Host,
    /// It is no name of a header field.
    #[error("is no name of a header field")]
    HeaderName,
    /// It is no value of a header field.
    #[error("is no value of a header field")]
    HeaderValue,
}

impl Predicates {
    /// Checks the predicates of a route. The key of a fault is relative to the route.
    pub(crate) fn new(
        host: Option<&str>,
        headers: &[HeaderPredicate],
    ) -> Result<Self, (String, PredicateFault)> {
        let host = host.map(HostPattern::new).transpose().map_err(|fault| ("host".to_owned(), fault))?;
        let header = |(index, HeaderPredicate { name, value }): (usize, &HeaderPredicate)| {
            let of = |part: &str| format!("headers[{index}].{part}");
            let name = name.parse::<HeaderName>().map_err(|_| (of("name"), PredicateFault::HeaderName))?;
            let value =
                value.parse::<HeaderValue>().map_err(|_| (of("value"), PredicateFault::HeaderValue))?;
            Ok((name, value))
        };
        let headers = headers.iter().enumerate().map(header).collect::<Result<_, _>>()?;
        Ok(Self { host, headers })
    }

    /// Whether every request is taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.host.is_none() && self.headers.is_empty()
    }

    /// Whether a request with this host and these header fields is taken.
    pub(crate) fn take(&self, host: Option<&str>, headers: &HeaderMap) -> bool {
        self.takes_host(host) && self.headers.iter().all(|(name, value)| has(headers, name, value))
    }

    /// Whether requests with this host are taken.
    pub(crate) fn takes_host(&self, host: Option<&str>) -> bool {
        let Some(pattern) = &self.host else { return true };
        host.is_some_and(|host| pattern.matches(without_port(host)))
    }

    /// The header fields that a request must have.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Whether every request that `other` takes is taken.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        let covers_host = match (&self.host, &other.host) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => mine == theirs || (mine.is_wildcard && mine.matches(&theirs.name)),
        };
        covers_host && self.headers.iter().all(|header| other.headers.contains(header))
    }
}

impl HostPattern {
    fn new(text: &str) -> Result<Self, PredicateFault> {
        let (name, is_wildcard) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_label = |label: &str| {
            !label.is_empty()
                && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        };
        let is_ipv6 = name.starts_with('[') && name.ends_with(']') && !is_wildcard;
        if !is_ipv6 && !name.split('.').all(is_label) {
            return Err(PredicateFault::Host);
        }
        Ok(Self { name: name.to_owned(), is_wildcard })
    }

    fn matches(&self, host: &str) -> bool {
        if !self.is_wildcard {
            return host.eq_ignore_ascii_case(&self.name);
        }
        let split =
            host.len().checked_sub(self.name.len()).filter(|at| *at > 1 && host.is_char_boundary(*at));
        split.is_some_and(|at| {
            let (below, name) = host.split_at(at);
            below.ends_with('.') && name.eq_ignore_ascii_case(&self.name)
        })
    }
}

/// The host without its port. The colons of an IPv6 address are in brackets.
fn without_port(host: &str) -> &str {
    let end = host.rfind(':').filter(|colon| host[*colon..].find(']').is_none());
    end.map_or(host, |end| &host[..end])
}

fn has(headers: &HeaderMap, name: &HeaderName, value: &HeaderValue) -> bool {
    headers.get_all(name).iter().any(|found| found == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicates(host: Option<&str>, headers: &[(&str, &str)]) -> Predicates {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| HeaderPredicate { name: (*name).to_owned(), value: (*value).to_owned() })
            .collect();
        Predicates::new(host, &headers).unwrap()
    }

    #[test]
    fn a_host_is_compared_without_its_port_and_without_case() {
        let one = predicates(Some("shop.example"), &[]);
        for host in ["shop.example", "Shop.Example:8080", "shop.example:443"] {
            assert!(one.takes_host(Some(host)), "{host}");
        }
        for host in ["a.shop.example", "shop.example.evil", "xshop.example", ""] {
            assert!(!one.takes_host(Some(host)), "{host}");
        }
        assert!(!one.takes_host(None));
        assert!(predicates(Some("[::1]"), &[]).takes_host(Some("[::1]:8080")));
        assert!(predicates(None, &[]).takes_host(None));
    }

    #[test]
    fn a_wildcard_takes_all_hosts_below_it_and_not_itself() {
        let below = predicates(Some("*.shop.example"), &[]);
        for host in ["a.shop.example", "a.b.shop.example:80"] {
            assert!(below.takes_host(Some(host)), "{host}");
        }
        for host in ["shop.example", ".shop.example", "ashop.example", "가shop.example"] {
            assert!(!below.takes_host(Some(host)), "{host}");
        }
    }

    #[test]
    fn all_header_fields_must_be_there() {
        let both = predicates(None, &[("X-Version", "2"), ("accept", "a/b")]);
        let with = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            both.take(None, &headers)
        };
        assert!(with(&[("x-version", "1"), ("x-version", "2"), ("accept", "a/b")]));
        assert!(!with(&[("x-version", "2")]));
        assert!(!with(&[("x-version", "22"), ("accept", "a/b")]));
    }

    #[test]
    fn what_takes_more_covers_what_takes_less() {
        let all = predicates(None, &[]);
        let host = predicates(Some("a.shop.example"), &[]);
        let below = predicates(Some("*.shop.example"), &[]);
        let header = predicates(Some("a.shop.example"), &[("x-a", "1")]);
        for (more, less) in [(&all, &host), (&below, &host), (&host, &header), (&all, &all)] {
            assert!(more.cover(less), "{more:?} {less:?}");
        }
        for (less, more) in [(&host, &all), (&host, &below), (&header, &host)] {
            assert!(!less.cover(more), "{less:?} {more:?}");
        }
    }

    #[test]
    fn a_predicate_that_no_request_can_meet_is_refused() {
        for host in ["", "*", "*.", "Shop.example", "shop.example:80", "a..b", "http://a", "a.*.b", "*.[::1]"]
        {
            assert_eq!(
                Predicates::new(Some(host), &[]),
                Err(("host".to_owned(), PredicateFault::Host)),
                "{host}"
            );
        }
        let header = |name: &str, value: &str| {
            let header = HeaderPredicate { name: name.to_owned(), value: value.to_owned() };
            Predicates::new(None, &[header]).unwrap_err().0
        };
        assert_eq!(header("x y", "1"), "headers[0].name");
        assert_eq!(header("x", "1\n"), "headers[0].value");
    }
}
