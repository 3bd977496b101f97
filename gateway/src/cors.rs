//! Which web pages of other origins may call the API.
//!
//! Tokens travel in a header and not in cookies, so no credentials of the browser are ever asked for.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::settings::CorsSettings;

/// How long a browser may keep the answer to its question.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The layer that answers browsers; `None` where no origin is allowed, so that OPTIONS is a method like any other.
pub(crate) fn layer(settings: &CorsSettings) -> Option<CorsLayer> {
    let origins: Vec<_> = settings.allowed_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
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
            ])
            .max_age(MAX_AGE),
    )
}

/// Whether `text` is an origin as browsers send it: scheme, host and perhaps port, and nothing behind them.
pub(crate) fn check_origin<C>(text: &str, _context: &C) -> garde::Result {
    let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    let is_origin = text.parse::<Uri>().is_ok_and(|uri| is_http(&uri) && uri.authority().is_some())
        && HeaderValue::from_str(text).is_ok()
        && text.matches('/').count() == 2
        && !text.contains(['@', '?', '#'])
        && text.to_ascii_lowercase() == text;
    if is_origin { Ok(()) } else { Err(garde::Error::new("not an origin like `https://shop.example`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_would_send_is_an_origin() {
        for origin in ["https://shop.example", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(check_origin(origin, &()).is_ok(), "{origin}");
        }
        for other in
            ["*", "null", "shop.example", "https://shop.example/", "https://Shop.example", "https://a@b", ""]
        {
            assert!(check_origin(other, &()).is_err(), "{other}");
        }
    }

    #[test]
    fn without_origins_there_is_no_layer() {
        assert!(layer(&CorsSettings::default()).is_none());
    }
}
