//! CORS: the web pages of other origins that may call the API.
//!
//! Tokens are sent in a header and not in cookies, so the browser's credentials are not needed.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may cache the answer to a preflight request.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Returns the CORS layer. `None` if no origin is allowed: then OPTIONS is handled like any other method.
pub(crate) fn layer(allowed_origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<_> = allowed_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let named = HeaderName::from_static;
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                named("idempotency-key"),
            ])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                named("idempotency-replayed"),
                named("ratelimit"),
                named("ratelimit-policy"),
            ])
            .max_age(MAX_AGE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_origins_there_is_no_layer() {
        assert!(layer(&[]).is_none());
    }
}
