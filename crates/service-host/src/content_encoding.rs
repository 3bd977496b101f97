//! Bodies that are compressed or coded in another way are refused (RFC 9110, 8.4 and 15.5.16): a small body that unpacks to a large
//! one must not pass the limit on bodies, and none of ours is large enough for compression to pay.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use problem::{Code, Problem};

const IDENTITY: &str = "identity";

/// Refuses a request that says that its body is coded, whether the route takes a body or not.
pub(crate) async fn refuse_coded_bodies(request: Request, next: Next) -> Response {
    if !is_coded(request.headers()) {
        return next.run(request).await;
    }
    let problem = Problem::new(Code::UnsupportedMediaType)
        .detail("the body has a Content-Encoding; send it without one");
    ([(header::ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY))], problem).into_response()
}

fn is_coded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(IDENTITY.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_is_no_coding() {
        let is_coded = |values: &[&[u8]]| {
            let value = |bytes: &&[u8]| HeaderValue::from_bytes(bytes).unwrap();
            super::is_coded(&values.iter().map(|bytes| (header::CONTENT_ENCODING, value(bytes))).collect())
        };
        let plain: [&[&[u8]]; 6] =
            [&[], &[b""], &[b"identity"], &[b"Identity, IDENTITY"], &[b" , "], &[b"identity", b""]];
        for values in plain {
            assert!(!is_coded(values), "{values:?}");
        }
        let coded: [&[&[u8]]; 12] = [
            &[b"gzip"],
            &[b"x-gzip"],
            &[b"GZIP"],
            &[b"deflate"],
            &[b"br"],
            &[b"zstd"],
            &[b"gzip, identity"],
            &[b"identity,gzip"],
            &[b"identity", b"br"],
            &[b"rot13"],
            &[b"\xff"],
            &[b"identity;q=1"],
        ];
        for values in coded {
            assert!(is_coded(values), "{values:?}");
        }
    }
}
