//! `GET /api/member/me/sessions`: lists where the caller is signed in.

use access::Principal;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters};
use problem::{Json, Problem};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sessions::db::sessions::{self, ShownSession};
use crate::state::AppState;

/// A sign-in that has not ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionShown {
    id: Uuid,
    /// When you signed in.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it last got new tokens.
    #[serde(with = "time::serde::rfc3339")]
    last_used_at: OffsetDateTime,
    /// When it ends, unless it is refreshed before. Refreshing it can't move this beyond a set time after the sign-in.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    /// From where it last got tokens.
    #[schema(required = true, example = "203.0.113.9")]
    address: Option<String>,
    /// What the program said of itself.
    #[schema(required = true, example = "Mozilla/5.0 (X11; Linux x86_64)")]
    user_agent: Option<String>,
    /// Whether it is the session of this request.
    current: bool,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated);

/// List your sessions
///
/// Each sign-in is a session until it is ended, or expires. Newest first.
#[utoipa::path(
    get,
    path = "/api/member/me/sessions",
    tag = "sessions",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of sessions", body = Page<SessionShown>), Refusals)
)]
pub(crate) async fn session_list(
    State(state): State<AppState>,
    principal: Principal,
    list: OwnList<NoFilter, Uuid>,
) -> Result<Json<Page<SessionShown>>, Problem> {
    let list = list.of(principal.member_id)?;
    let now = state.clock.now();
    let lifetime = state.tokens.session_lifetime();
    let (before, rows) = (list.after, list.rows_to_fetch());
    let read = state.database.read("session_list", move |connection| {
        Box::pin(sessions::list_open(connection, principal.member_id, (now - lifetime, now), before, rows))
    });
    let page = list.page(read.await?, |last| last.id);
    Ok(Json(page.map(|session: ShownSession| SessionShown {
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.rotated_at,
        expires_at: session.expires_at.min(session.created_at + lifetime),
        address: session.address,
        user_agent: session.user_agent,
        current: session.id == principal.session_id,
    })))
}
