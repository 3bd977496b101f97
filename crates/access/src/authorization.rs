//! The `Authorization` header of a request, and the answer to a token that is not accepted.

use http::{HeaderMap, header};
use problem::{Code, Problem};

use crate::TokenError;

/// The token of the one `Authorization: Bearer …` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let refuse = |detail: &'static str| Problem::new(Code::Unauthenticated).detail(detail);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refuse("the Authorization header is missing"))?;
    if values.next().is_some() {
        return Err(refuse("there is more than one Authorization header"));
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(refuse("the Authorization header is not `Bearer` and a token"));
    }
    Ok(token.trim_start())
}

/// The answer to a token that is not accepted. It is the same for every reason; the reason is logged.
pub(crate) fn refused(error: TokenError) -> Problem {
    tracing::debug!(%error, "refused a token");
    match error {
        TokenError::NoKeys => Problem::unavailable(error),
        _ => Problem::new(Code::Unauthenticated).detail("the token is not valid here, or no longer"),
    }
}
