//! What every answer of the gateway tells browsers, also that of a service and that of an error.

use axum::http::{HeaderMap, HeaderValue, header};

/// For a year, a browser uses only encrypted connections to this host.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds them to an answer. `Strict-Transport-Security` is for encrypted connections only (RFC 6797, section 7.2).
pub(crate) fn add(headers: &mut HeaderMap, is_tls: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
}
