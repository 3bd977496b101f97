//! `PUT /api/member/me/password`: changes the caller's password.

use access::Principal;
use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use problem::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::change_password::change_password;
use crate::members::{NewPassword, PasswordAttempt};
use crate::sessions::sign_in::SignInError;
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(crate) struct Request {
    #[garde(dive)]
    current_password: PasswordAttempt,
    #[garde(dive)]
    new_password: NewPassword,
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, Unauthenticated, BadCredentials, BodyTooLarge, UnsupportedMediaType,
    RateLimited
);

/// Change your password
///
/// Your other sessions end: their refresh tokens are refused at once, their access tokens within seconds.
#[utoipa::path(
    put,
    path = "/api/member/me/password",
    tag = "accounts",
    security(("bearer" = [])),
    request_body = Request,
    responses((status = NO_CONTENT, description = "Changed"), Refusals)
)]
pub(crate) async fn password_change(
    State(state): State<AppState>,
    principal: Principal,
    Json(request): Json<Request>,
) -> Result<StatusCode, SignInError> {
    change_password(&state, principal, request.current_password, request.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}
