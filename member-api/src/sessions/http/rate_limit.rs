//! What is left of the limits on failed attempts, as header fields.

use axum::response::{IntoResponse, Response};
use rate_limit::{Policy, Standing};

use crate::sessions::attempt::Standings;

/// Adds the header fields to an answer. Without limits it adds nothing.
pub(crate) fn with_limits(answer: impl IntoResponse, standings: &Standings) -> Response {
    let mut response = answer.into_response();
    let limits = standings.iter().map(|(name, standing)| {
        let (limit, remaining) = (standing.limit, standing.remaining.into());
        let window = limit.refill.saturating_mul(limit.attempts);
        let policy = Policy { name, quota: limit.attempts.into(), window };
        (policy, Standing { name, remaining, reset: standing.reset })
    });
    rate_limit::append(response.headers_mut(), limits);
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sessions::delay::{Limit, Standing};

    #[test]
    fn the_window_of_a_limit_is_the_time_that_forgives_all_attempts() {
        let limit =
            Limit { attempts: 12, refill: Duration::from_secs(900), longest_wait: Duration::from_secs(900) };
        let standing = Standing { limit, remaining: 11, reset: Some(Duration::from_millis(899_001)) };
        let headers = with_limits((), &vec![("account", standing)]).headers().clone();
        assert_eq!(headers["ratelimit-policy"], r#""account";q=12;w=10800"#);
        assert_eq!(headers["ratelimit"], r#""account";r=11;t=900"#);
        assert!(with_limits((), &Vec::new()).headers().is_empty());
    }
}
