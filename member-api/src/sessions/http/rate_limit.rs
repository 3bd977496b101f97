//! What is left of the limits on failed attempts, as header fields: `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers-10.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};

use crate::sessions::attempt::Standings;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds the header fields to an answer. Without limits it adds nothing.
pub(crate) fn with_limits(answer: impl IntoResponse, standings: &Standings) -> Response {
    let mut response = answer.into_response();
    let policies = standings.iter().map(|(name, standing)| {
        let window = standing.limit.refill.saturating_mul(standing.limit.attempts);
        format!("\"{name}\";q={};w={}", standing.limit.attempts, whole_seconds(window))
    });
    let limits = standings.iter().map(|(name, standing)| {
        let reset = standing.reset.map(|reset| format!(";t={}", whole_seconds(reset)));
        format!("\"{name}\";r={}{}", standing.remaining, reset.unwrap_or_default())
    });
    for (name, values) in [(POLICY, policies.collect::<Vec<_>>()), (LIMIT, limits.collect())] {
        if let (false, Ok(value)) = (values.is_empty(), HeaderValue::try_from(values.join(", "))) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::delay::{Limit, Standing};

    #[test]
    fn each_limit_is_told_with_what_is_left_of_it() {
        let limit = |attempts| Limit {
            attempts,
            refill: Duration::from_secs(900),
            longest_wait: Duration::from_secs(900),
        };
        let standings = vec![
            (
                "account",
                Standing { limit: limit(12), remaining: 11, reset: Some(Duration::from_millis(899_001)) },
            ),
            ("address", Standing { limit: limit(300), remaining: 300, reset: None }),
        ];
        let headers = with_limits((), &standings).headers().clone();
        assert_eq!(headers["ratelimit-policy"], r#""account";q=12;w=10800, "address";q=300;w=270000"#);
        assert_eq!(headers["ratelimit"], r#""account";r=11;t=900, "address";r=300"#);
        assert!(with_limits((), &Vec::new()).headers().is_empty());
    }
}
