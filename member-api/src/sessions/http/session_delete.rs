//! `DELETE /api/member/sessions/current`: sign-out.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::Problem;

use crate::client::Client;
use crate::sessions::end_session::end_session;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated);

/// Sign out
///
/// Ends the session. Its refresh token is refused at once, its access tokens within seconds.
#[utoipa::path(
    delete,
    path = "/api/member/sessions/current",
    tag = "sessions",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "Signed out"), Refusals)
)]
pub(crate) async fn session_delete(
    State(state): State<AppState>,
    principal: Principal,
    client: Client,
) -> Result<StatusCode, Problem> {
    end_session(&state, principal, principal.session_id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
