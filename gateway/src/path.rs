//! Which paths are passed on at all.
//!
//! Routes match whole segments, and a parameter matches whatever stands in its segment. A path that another reader
//! could take for a different one (`/api/store/items/..%2f..%2finternal`) must therefore never get as far as a
//! parameter. Paths are not normalised: who sends an odd one has no honest reason to.

use axum::extract::Request;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

/// Refuses a request for a path that can be read in more than one way.
pub(crate) fn check(request: Request) -> Result<Request, Refusal> {
    if is_unambiguous(request.uri().path()) { Ok(request) } else { Err(Refusal::AmbiguousPath) }
}

/// Whether every reader of `path` sees the same segments in it: none of them empty, and none that, decoded, is a dot
/// segment or holds a separator, a control character, a parameter mark (`;`) or a further layer of encoding.
pub(crate) fn is_unambiguous(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))
}

fn is_plain(segment: &str) -> bool {
    let Ok(decoded) = percent_decode_str(segment).decode_utf8() else {
        return false;
    };
    let odd = |c: char| matches!(c, '/' | '\\' | ';' | '%') || c.is_control();
    !matches!(&*decoded, "" | "." | "..") && !decoded.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in
            ["/api/store/items", "/.well-known/jwks.json", "/api/store/%EB%A7%9B", "/a/b~c-d_e.f", "/a/a..b"]
        {
            assert!(is_unambiguous(path), "{path}");
        }
    }

    #[test]
    fn paths_that_can_be_read_in_two_ways_do_not() {
        let odd = [
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
        for path in odd {
            assert!(!is_unambiguous(path), "{path}");
        }
    }
}
