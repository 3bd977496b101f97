//! `DELETE /api/member/sessions/current`: signing out.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::Problem;

use crate::db::sessions;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated);

/// Sign out
///
/// Ends the session: its refresh token at once, its access tokens at the gateway within seconds.
#[utoipa::path(
    delete,
    path = "/api/member/sessions/current",
    tag = "sessions",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "Signed out"), Refusals)
)]
pub(super) async fn session_delete(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<StatusCode, Problem> {
    let mut connection = state.database.acquire().await.map_err(database::problem)?;
    sessions::revoke(&mut connection, principal.session_id, state.clock.now())
        .await
        .map_err(database::problem)?;
    connection.give_back();
    Ok(StatusCode::NO_CONTENT)
}
