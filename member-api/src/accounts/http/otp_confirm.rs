//! `PUT /api/member/me/otp`: puts a second factor into force.

use access::Principal;
use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use problem::{Code, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::second_factor::{ConfirmError, confirm};
use crate::client::Client;
use crate::otp::OtpCode;
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OtpConfirmation)]
pub(crate) struct Request {
    /// The present code of your authenticator.
    #[garde(dive)]
    otp: OtpCode,
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::NotBegun => Self::new(Code::NotFound).detail("no second factor was begun"),
            ConfirmError::Wrong => Self::new(Code::OtpRequired),
            ConfirmError::Key(_) | ConfirmError::Totp(_) => Self::internal(error),
            ConfirmError::Database(_) => Self::database(error),
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, Unauthenticated, OtpRequired, NotFound, BodyTooLarge, UnsupportedMediaType
);

/// Put your second factor into force
///
/// From now on signing in needs a code. The one that you send here is used: the next sign-in needs a later one.
#[utoipa::path(
    put,
    path = "/api/member/me/otp",
    tag = "accounts",
    security(("bearer" = [])),
    request_body = Request,
    responses((status = NO_CONTENT, description = "In force"), Refusals)
)]
pub(crate) async fn otp_confirm(
    State(state): State<AppState>,
    principal: Principal,
    client: Client,
    Json(request): Json<Request>,
) -> Result<StatusCode, Problem> {
    confirm(&state, principal, request.otp, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
