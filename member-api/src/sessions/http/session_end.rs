//! `DELETE /api/member/me/sessions/{sessionId}`: ends one of the caller's sessions.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::client::Client;
use crate::sessions::end_session::end_session;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, NotFound);

/// End one of your sessions
///
/// Its refresh token is refused at once, its access tokens within seconds. It can be the session of this request.
#[utoipa::path(
    delete,
    path = "/api/member/me/sessions/{sessionId}",
    tag = "sessions",
    security(("bearer" = [])),
    params(("sessionId" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "The session has ended"), Refusals)
)]
pub(crate) async fn session_end(
    State(state): State<AppState>,
    principal: Principal,
    client: Client,
    Path(session_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if end_session(&state, principal, session_id, &client).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
