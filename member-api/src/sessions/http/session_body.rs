//! The tokens of a session in an answer.

use access::TokenError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sessions::RefreshToken;
use crate::sessions::sign_in::Session;
use crate::sessions::tokens::Tokens;

/// What a session's holder is given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionTokens)]
pub(crate) struct SessionBody {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How many seconds the access token is good.
    #[schema(example = 900)]
    expires_in: u64,
    /// Good once, for the next access token.
    refresh_token: RefreshToken,
}

impl SessionBody {
    pub(crate) fn new(session: Session, tokens: &Tokens) -> Result<Self, TokenError> {
        let Session { principal, refresh_token } = session;
        Ok(Self {
            access_token: tokens.sign(&principal)?,
            token_type: "Bearer",
            expires_in: tokens.access_lifetime().as_secs(),
            refresh_token,
        })
    }
}

/// An answer with secrets in it, which nobody on its way may keep (RFC 6749, section 5.1).
pub(crate) fn unkept(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
