//! The check of the path.
//!
//! A parameter of a route matches any text in its segment. Another program could read such a text as a different path, for
//! instance `/api/store/items/..%2f..%2finternal`. So the gateway refuses ambiguous paths and does not forward them. It does
//! not normalise them, because honest clients don't send them.

use axum::extract::Request;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

/// Refuses a request with an ambiguous path.
pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    if is_unambiguous(request.uri().path()) { Ok(()) } else { Err(Refusal::AmbiguousPath) }
}

/// Returns whether all programs read `path` as the same segments. No segment may be empty. After decoding, no segment may
/// be `.` or `..`, or contain a separator, a control character, a semicolon or another encoding.
pub(crate) fn is_unambiguous(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))
}

fn is_plain(segment: &str) -> bool {
    // Nearly all segments have nothing that could be decoded.
    if segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')) {
        return !matches!(segment, "" | "." | "..");
    }
    let Ok(decoded) = percent_decode_str(segment).decode_utf8() else {
        return false;
    };
    let is_ambiguous = |c: char| matches!(c, '/' | '\\' | ';' | '%') || c.is_control();
    !matches!(&*decoded, "" | "." | "..") && !decoded.contains(is_ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_accepted() {
        for path in
            ["/api/store/items", "/.well-known/jwks.json", "/api/store/%EB%A7%9B", "/a/b~c-d_e.f", "/a/a..b"]
        {
            assert!(is_unambiguous(path), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        let ambiguous = [
            "",
            "*",
            "api",
            "/",
            "//",
            "/api/",
            "/api//x",
            "//internal",
            "/api/.",
            "/api/..",
            "/api/%2e%2e",
            "/api/.%2E/internal",
            "/api/a%2fb",
            "/api/a%5Cb",
            "/api/a\\b",
            "/api/..;/x",
            "/api/%252e%252e",
            "/api/%00",
            "/api/%0d%0a",
            "/api/%zz",
            "/api/%",
            "/api/%ff",
            "/api/%c0%ae",
        ];
        for path in ambiguous {
            assert!(!is_unambiguous(path), "{path}");
        }
    }
}
