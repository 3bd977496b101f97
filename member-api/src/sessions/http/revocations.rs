//! `GET /internal/revocations`: the sessions that have ended before their time, for the gateway. No client gets here, so
//! it is not in the OpenAPI document; the shapes are those of crate `member-client`.

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use member_client::{REVOCATIONS_PATH, Revocations, RevocationsQuery};
use problem::{Json, Problem, Query};
use telemetry::Routine;

use crate::sessions::db::sessions;
use crate::state::AppState;

/// How far an answer reaches back behind the one before: for what is committed late, by a request that may take half a
/// minute, and for instances whose clocks differ.
const OVERLAP: Duration = Duration::from_secs(60);

/// The routes, for other services only.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(REVOCATIONS_PATH, get(revocation_list))
}

/// Lists what is new since the last answer, and at most what still matters: an access token that has expired needs no
/// revocation. The log has no line for each answer: every gateway asks twice a second.
async fn revocation_list(
    State(state): State<AppState>,
    Query(query): Query<RevocationsQuery>,
) -> Result<(Extension<Routine>, Json<Revocations>), Problem> {
    let now = state.clock.now();
    let matters_for = state.tokens.access_lifetime() + OVERLAP;
    let earliest = now - matters_for;
    let since = query.since.map_or(earliest, |since| since.max(earliest));
    let list = state.database.read("revocation_list", move |db| Box::pin(sessions::list_revoked(db, since)));
    let sessions = list.await.map_err(database::problem)?;
    let refuse_for_seconds = u32::try_from(matters_for.as_secs()).unwrap_or(u32::MAX);
    Ok((Extension(Routine), Json(Revocations { sessions, refuse_for_seconds, as_of: now - OVERLAP })))
}
