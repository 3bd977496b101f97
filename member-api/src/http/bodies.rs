//! Answers that more than one operation gives.

use access::{MemberId, Principal, Role, TokenError};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::{Email, Member, MemberName, Phone, RefreshToken};
use crate::sign_in::Session;
use crate::tokens::Tokens;

/// A member, as the member sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub(super) struct MemberBody {
    id: MemberId,
    email: Email,
    name: MemberName,
    /// Its digits.
    #[schema(required = true)]
    phone: Option<Phone>,
    role: Role,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        let Member { id, role, email, name, phone, created_at } = member;
        Self { id, email, name, phone, role, created_at }
    }
}

/// What a session's holder is given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionTokens)]
pub(super) struct SessionBody {
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
    pub(super) fn new(session: Session, tokens: &Tokens) -> Result<Self, TokenError> {
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
pub(super) fn unkept(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Says that the token is good and its account is gone.
pub(super) fn account_is_closed(principal: Principal) -> problem::Problem {
    tracing::debug!(member_id = %principal.member_id, "a token of an account that is closed");
    problem::Problem::new(problem::Code::Unauthenticated).detail("the account is closed")
}
