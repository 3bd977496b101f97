//! The rule for an origin in the settings.

use axum::http::{HeaderValue, Uri};

/// Checks that a text is an origin as browsers send it: a scheme, a host and perhaps a port.
pub(crate) fn check<C>(text: &str, _context: &C) -> garde::Result {
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
    fn only_an_origin_as_browsers_send_it_is_valid() {
        for origin in ["https://shop.example", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(check(origin, &()).is_ok(), "{origin}");
        }
        for other in
            ["*", "null", "shop.example", "https://shop.example/", "https://Shop.example", "https://a@b", ""]
        {
            assert!(check(other, &()).is_err(), "{other}");
        }
    }
}
