//! The body that issues the tokens of a session.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::sessions::RefreshToken;
use crate::sessions::sign_in::IssuedSession;
use crate::sessions::tokens::Tokens;

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionTokens)]
pub(crate) struct SessionBody {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How many seconds the access token is valid.
    #[schema(example = 900)]
    expires_in: u64,
    /// Valid once, to get the next tokens.
    refresh_token: RefreshToken,
}

impl SessionBody {
    /// Signs the access token of a session.
    pub(crate) fn new(session: IssuedSession, tokens: &Tokens) -> Result<Self, Problem> {
        let IssuedSession { principal, refresh_token } = session;
        Ok(Self {
            access_token: tokens.sign(&principal).map_err(Problem::internal)?,
            token_type: "Bearer",
            expires_in: tokens.access_lifetime().as_secs(),
            refresh_token,
        })
    }
}

/// Forbids caches to store an answer, because it contains tokens (RFC 6749, section 5.1).
pub(crate) fn no_store(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
