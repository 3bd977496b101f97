//! `POST /api/member/sessions`: sign-in.

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::rate_limit::with_limits;
use super::session_body::{SessionBody, no_store};
use crate::client::Client;
use crate::members::password_hasher::PasswordError;
use crate::members::{Email, PasswordAttempt};
use crate::otp::OtpCode;
use crate::otp::second_factor::OtpError;
use crate::sessions::attempt::Standings;
use crate::sessions::password_check::SignInError;
use crate::sessions::sign_in::{SignIn, sign_in};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SignIn)]
pub(crate) struct Request {
    #[garde(custom(Email::can_be_known))]
    email: Email,
    #[garde(dive)]
    password: PasswordAttempt,
    /// The code of your authenticator, if your account has a second factor.
    #[garde(dive)]
    otp: Option<OtpCode>,
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::new(Code::ServiceUnavailable)
                .detail("too many passwords wait to be hashed; nothing has been done")
                .retry_after(PasswordError::RETRY_AFTER)
                .caused_by(error),
            PasswordError::Unfit
            | PasswordError::Argon2(_)
            | PasswordError::Thread(_)
            | PasswordError::Stopped => Self::internal(error),
        }
    }
}

impl From<OtpError> for Problem {
    fn from(error: OtpError) -> Self {
        match error {
            OtpError::Missing | OtpError::Wrong => Self::new(Code::OtpRequired),
            OtpError::Key(_) | OtpError::Totp(_) => Self::internal(error),
            OtpError::Database(_) => Self::database(error),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::BadCredentials => Self::new(Code::BadCredentials),
            SignInError::TooManyAttempts { wait } => Self::new(Code::RateLimited).retry_after(wait),
            SignInError::Otp(error) => error.into(),
            SignInError::Password(error) => error.into(),
            SignInError::Database(_) => Self::database(error),
        }
    }
}

problem::refusals!(Refusals: MalformedJson, ValidationFailed, BadCredentials, OtpRequired, BodyTooLarge, UnsupportedMediaType, RateLimited);

/// Sign in
///
/// The access token is valid for 15 minutes. The refresh token gets the next one. An unknown email and a wrong password
/// get the same answer.
///
/// If the account has a second factor, a right password without the right code is answered 401 `OTP_REQUIRED`. Each code is taken
/// once.
///
/// Only wrong passwords and wrong codes count. After some of them on an account, the next attempt must wait for a second, and twice as long after
/// each further one. The same happens after many from one address. Where you have signed in before, only the wrong passwords from
/// that place count. `RateLimit` says how many attempts are left.
#[utoipa::path(
    post,
    path = "/api/member/sessions",
    tag = "sessions",
    request_body = Request,
    responses(
        (
            status = CREATED,
            description = "A session",
            body = SessionBody,
            headers(
                ("RateLimit-Policy" = String, description = "How many attempts may fail without a delay, by limit."),
                ("RateLimit" = String, description = "What is left of it."),
            )
        ),
        Refusals
    )
)]
pub(crate) async fn session_create(
    State(state): State<AppState>,
    client: Client,
    Json(request): Json<Request>,
) -> Response {
    let mut standings = Standings::new();
    let Request { email, password, otp } = request;
    let session = sign_in(&state, SignIn { email, password, otp }, client, &mut standings).await;
    let answer = session.map_err(Problem::from).and_then(|session| SessionBody::new(session, &state.tokens));
    let location = "/api/member/sessions/current".to_owned();
    let answer = answer.map(|body| no_store(Created { location, body }));
    with_limits(answer, &standings)
}
