//! `GET /internal/revocations`: the sessions that have ended before their time, for the gateway. No client gets here, so
//! it is not in the OpenAPI document; the shapes are those of crate `member-client`.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use member_client::{REVOCATIONS_PATH, Revocations, RevocationsQuery};
use problem::{Json, Problem, Query};

use crate::db::sessions;
use crate::state::AppState;

/// How far an answer reaches back behind the one before: for what was committed late, and for clocks that differ.
const OVERLAP: Duration = Duration::from_secs(10);

/// The routes, for other services only.
pub(super) fn router() -> Router<AppState> {
    Router::new().route(REVOCATIONS_PATH, get(revocation_list))
}

/// Lists what is new since the last answer, and at most what still matters: an access token that has expired needs no
/// revocation.
async fn revocation_list(
    State(state): State<AppState>,
    Query(query): Query<RevocationsQuery>,
) -> Result<Json<Revocations>, Problem> {
    let now = state.clock.now();
    let earliest = now - state.tokens.access_lifetime() - OVERLAP;
    let since = query.since.map_or(earliest, |since| since.max(earliest));
    let mut connection = state.database.acquire().await.map_err(database::problem)?;
    let sessions = sessions::list_revoked(&mut connection, since).await.map_err(database::problem)?;
    Ok(Json(Revocations { sessions, as_of: now - OVERLAP }))
}
