//! `DELETE /api/member/me/otp`: turns a second factor off.

use access::Principal;
use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use http::StatusCode;
use problem::{Code, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::second_factor::{RemoveError, remove};
use crate::client::Client;
use crate::members::PasswordAttempt;
use crate::otp::OtpCode;
use crate::sessions::attempt::Standings;
use crate::sessions::http::rate_limit::with_limits;
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OtpRemoval)]
pub(crate) struct Request {
    #[garde(dive)]
    current_password: PasswordAttempt,
    /// The present code of your authenticator.
    #[garde(dive)]
    otp: OtpCode,
}

impl From<RemoveError> for Problem {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::Required => {
                Self::new(Code::WrongRole).detail("an administrator keeps the second factor")
            }
            RemoveError::SignIn(error) => error.into(),
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, Unauthenticated, BadCredentials, OtpRequired, WrongRole, BodyTooLarge,
    UnsupportedMediaType, RateLimited
);

/// Turn your second factor off
///
/// A wrong password and a wrong code count like those of a sign-in.
#[utoipa::path(
    delete,
    path = "/api/member/me/otp",
    tag = "accounts",
    security(("bearer" = [])),
    request_body = Request,
    responses((status = NO_CONTENT, description = "Off"), Refusals)
)]
pub(crate) async fn otp_delete(
    State(state): State<AppState>,
    principal: Principal,
    client: Client,
    Json(request): Json<Request>,
) -> Response {
    let Request { current_password, otp } = request;
    let mut standings = Standings::new();
    let removed = remove(&state, principal, (current_password, otp), &client, &mut standings).await;
    with_limits(removed.map(|()| StatusCode::NO_CONTENT).map_err(Problem::from), &standings)
}
