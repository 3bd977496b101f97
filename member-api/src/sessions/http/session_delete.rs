//! `DELETE /api/member/sessions/current`: sign-out.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::Problem;

use crate::sessions::db::sessions;
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
) -> Result<StatusCode, Problem> {
    let now = state.clock.now();
    let revoke = state.database.run_autocommit("session_delete", move |connection| {
        Box::pin(sessions::revoke(connection, principal.session_id, now))
    });
    revoke.await?;
    Ok(StatusCode::NO_CONTENT)
}
