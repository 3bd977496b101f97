//! `POST /api/member/sessions`: sign-in.

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::client_address::ClientAddress;
use super::session_body::{SessionBody, no_store};
use crate::members::{Email, PasswordAttempt};
use crate::sessions::sign_in::{SignInError, sign_in};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SignIn)]
pub(crate) struct Request {
    #[garde(dive)]
    email: Email,
    #[garde(dive)]
    password: PasswordAttempt,
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::BadCredentials => Self::new(Code::BadCredentials),
            SignInError::TooManyAttempts { wait } => Self::new(Code::RateLimited).retry_after(wait),
            SignInError::Password(_) => Self::internal(error),
            SignInError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(SignInError);
problem::refusals!(Refusals: MalformedJson, ValidationFailed, BadCredentials, BodyTooLarge, UnsupportedMediaType, RateLimited);

/// Sign in
///
/// The access token is valid for 15 minutes. The refresh token gets the next one. An unknown email and a wrong password
/// get the same answer. After too many failed attempts on an account or from an address, further attempts are refused for
/// a while.
#[utoipa::path(
    post,
    path = "/api/member/sessions",
    tag = "sessions",
    request_body = Request,
    responses((status = CREATED, description = "A session", body = SessionBody), Refusals)
)]
pub(crate) async fn session_create(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let session = sign_in(&state, request.email, request.password, address).await?;
    let body = SessionBody::new(session, &state.tokens)?;
    Ok(no_store(Created { location: "/api/member/sessions/current".to_owned(), body }))
}
