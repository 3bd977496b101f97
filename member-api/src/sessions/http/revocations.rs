//! `GET /internal/revocations`: lists revoked sessions for the gateway. Clients can't call it, so it is not in the OpenAPI
//! document. Crate `member-client` has the types of the request and the answer.

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use member_client::{REVOCATIONS_PATH, Revocations, RevocationsQuery};
use problem::{Json, Problem, Query};
use telemetry::Routine;

use crate::sessions::db::sessions;
use crate::state::AppState;

/// How far an answer overlaps the previous one. A revocation can be committed up to half a minute late, and the clocks of
/// instances differ.
const OVERLAP: Duration = Duration::from_secs(60);

/// The routes that only other services may call.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(REVOCATIONS_PATH, get(revocation_list))
}

/// Lists the sessions that were revoked since the previous answer. Older revocations than the lifetime of an access token
/// are left out. The answers are not logged, because every gateway asks twice a second.
async fn revocation_list(
    State(state): State<AppState>,
    Query(query): Query<RevocationsQuery>,
) -> Result<(Extension<Routine>, Json<Revocations>), Problem> {
    let now = state.clock.now();
    let refuse_for = state.tokens.access_lifetime() + OVERLAP;
    let earliest = now - refuse_for;
    // A time that no answer had may be one that the database can't be asked for.
    let since = query.since.map_or(earliest, |since| since.clamp(earliest, now));
    let list = state
        .database
        .read("revocation_list", move |connection| Box::pin(sessions::list_revoked(connection, since)));
    let sessions = list.await?;
    let refuse_for_seconds = u32::try_from(refuse_for.as_secs()).unwrap_or(u32::MAX);
    Ok((Extension(Routine), Json(Revocations { sessions, refuse_for_seconds, as_of: now - OVERLAP })))
}
