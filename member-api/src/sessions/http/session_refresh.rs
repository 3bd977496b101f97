//! `POST /api/member/sessions/refresh`: issues the next tokens of a session.

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use problem::{Code, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::session_body::{SessionBody, no_store};
use crate::client::Client;
use crate::sessions::RefreshToken;
use crate::sessions::refresh::{RefreshError, refresh};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Refresh)]
pub(crate) struct Request {
    #[garde(dive)]
    refresh_token: RefreshToken,
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::new(Code::RefreshTokenInvalid),
            RefreshError::Database(_) => Self::database(error),
        }
    }
}

problem::refusals!(Refusals: MalformedJson, ValidationFailed, RefreshTokenInvalid, BodyTooLarge, UnsupportedMediaType, RateLimited);

/// Stay signed in
///
/// Exchanges a refresh token for the next one and a new access token. Each refresh token is valid once. A second use ends
/// the session, because one of the two senders may have stolen the token. The last used token can be sent again within
/// 10 seconds, in case the answer was lost.
#[utoipa::path(
    post,
    path = "/api/member/sessions/refresh",
    tag = "sessions",
    request_body = Request,
    responses((status = OK, description = "The session's next tokens", body = SessionBody), Refusals)
)]
pub(crate) async fn session_refresh(
    State(state): State<AppState>,
    client: Client,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let session = refresh(&state, &request.refresh_token, client).await?;
    let body = SessionBody::new(session, &state.tokens)?;
    Ok(no_store(Json(body)))
}
