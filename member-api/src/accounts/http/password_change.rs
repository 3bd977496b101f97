//! `PUT /api/member/me/password`: changes the caller's password.

use access::Principal;
use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use http::StatusCode;
use problem::{Code, Fault, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::change_password::{ChangePasswordError, change_password};
use crate::client::Client;
use crate::members::{NewPassword, PasswordAttempt};
use crate::sessions::attempt::Standings;
use crate::sessions::http::rate_limit::with_limits;
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

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::MadeOfAccount(fault) => {
                Self::new(Code::ValidationFailed).fault(Fault::invalid("/newPassword", fault.to_string()))
            }
            ChangePasswordError::SignIn(error) => error.into(),
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, Unauthenticated, BadCredentials, BodyTooLarge, UnsupportedMediaType,
    RateLimited
);

/// Change your password
///
/// Your other sessions end: their refresh tokens are refused at once, their access tokens within seconds. A wrong current password
/// counts like a failed sign-in. The new one can't be one of the most common, or be made of your email or name.
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
    client: Client,
    Json(request): Json<Request>,
) -> Response {
    let Request { current_password, new_password } = request;
    let mut standings = Standings::new();
    let change =
        change_password(&state, principal, client, current_password, new_password, &mut standings).await;
    with_limits(change.map(|()| StatusCode::NO_CONTENT).map_err(Problem::from), &standings)
}
