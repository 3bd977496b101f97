//! What a client's limits are and what is left of them, as header fields: `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers-10.
//!
//! Both fields are lists. A gateway and the service behind it may each have limits, so each appends its own elements.

use std::fmt::{self, Write as _};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field with the limits.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The field with what is left of them.
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A limit, as an element of [`POLICY`].
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Its name. It must be visible ASCII without quotes and backslashes.
    pub name: &'a str,
    /// How many requests are allowed in the window.
    pub quota: u64,
    /// The window.
    pub window: Duration,
}

/// What is left of a limit, as an element of [`LIMIT`].
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The name of the limit.
    pub name: &'a str,
    /// How many requests are allowed now.
    pub remaining: u64,
    /// When all are allowed again. `None` if they are allowed now.
    pub reset: Option<Duration>,
}

impl fmt::Display for Policy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\";q={};w={}", self.name, self.quota, whole_seconds(self.window))
    }
}

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\";r={}", self.name, self.remaining)?;
        match self.reset {
            Some(reset) => write!(f, ";t={}", whole_seconds(reset)),
            None => Ok(()),
        }
    }
}

/// Appends limits and what is left of them. Without limits it appends nothing, and neither with a name that no header field can
/// hold.
pub fn append<'a>(headers: &mut HeaderMap, limits: impl IntoIterator<Item = (Policy<'a>, Standing<'a>)>) {
    let (mut policies, mut standings) = (String::new(), String::new());
    for (policy, standing) in limits {
        let comma = if policies.is_empty() { "" } else { ", " };
        // Writing to memory does not fail.
        let _ = write!(policies, "{comma}{policy}");
        let _ = write!(standings, "{comma}{standing}");
    }
    for (name, elements) in [(POLICY, policies), (LIMIT, standings)] {
        if let (false, Ok(value)) = (elements.is_empty(), HeaderValue::try_from(&elements)) {
            headers.append(name, value);
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn each_limit_is_told_with_what_is_left_of_it() {
        let mut headers = HeaderMap::new();
        let policy = |name, quota| Policy { name, quota, window: Duration::from_millis(899_001) };
        let reset = Some(Duration::from_millis(1_001));
        append(
            &mut headers,
            [
                (policy("account", 12), Standing { name: "account", remaining: 11, reset }),
                (policy("address", 300), Standing { name: "address", remaining: 300, reset: None }),
            ],
        );
        assert_eq!(all(&headers, POLICY), [r#""account";q=12;w=900, "address";q=300;w=900"#]);
        assert_eq!(all(&headers, LIMIT), [r#""account";r=11;t=2, "address";r=300"#]);
        let mut headers = HeaderMap::new();
        append(&mut headers, []);
        assert!(headers.is_empty());
    }

    #[test]
    fn the_limits_of_another_server_stay() {
        let mut headers = HeaderMap::from_iter([(LIMIT, HeaderValue::from_static("\"account\";r=3"))]);
        let policy = Policy { name: "address", quota: 1, window: Duration::from_secs(1) };
        append(&mut headers, [(policy, Standing { name: "address", remaining: 0, reset: None })]);
        assert_eq!(all(&headers, LIMIT), [r#""account";r=3"#, r#""address";r=0"#]);
    }
}
