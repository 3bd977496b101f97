//! `GET /api/member/me/security-events`: lists what happened to the caller's account.

use access::Principal;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters, TimePosition};
use problem::{Json, Problem};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::security_events::db::{self, ShownEvent};
use crate::security_events::{Kind, Outcome};
use crate::state::AppState;

/// Something that happened to an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SecurityEvent)]
pub(crate) struct EventBody {
    id: Uuid,
    /// What somebody did, or tried to do.
    #[schema(value_type = Kind)]
    kind: String,
    /// From where; null if that is not known, or nobody's request did it.
    #[schema(required = true, example = "203.0.113.9")]
    address: Option<String>,
    /// What the program said of itself.
    #[schema(required = true, example = "Mozilla/5.0 (X11; Linux x86_64)")]
    user_agent: Option<String>,
    /// How it ended.
    #[schema(value_type = Outcome)]
    outcome: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<ShownEvent> for EventBody {
    fn from(event: ShownEvent) -> Self {
        let ShownEvent { id, kind, outcome, address, user_agent, created_at } = event;
        Self { id, kind, address, user_agent, outcome, created_at }
    }
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated);

/// List what happened to your account
///
/// Sign-ins and their failures, sessions that were ended, changes of your password. Newest first. Of many that are alike,
/// only some are listed for each hour.
#[utoipa::path(
    get,
    path = "/api/member/me/security-events",
    tag = "accounts",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of events", body = Page<EventBody>), Refusals)
)]
pub(crate) async fn security_event_list(
    State(state): State<AppState>,
    principal: Principal,
    list: OwnList<NoFilter, TimePosition>,
) -> Result<Json<Page<EventBody>>, Problem> {
    let list = list.of(principal.member_id)?;
    let (after, rows) = (list.after, list.rows_to_fetch());
    let read = state.database.read("security_event_list", move |connection| {
        Box::pin(db::list(connection, principal.member_id, after, rows))
    });
    let page = list.page(read.await?, |last| TimePosition { at: last.created_at, id: last.id });
    Ok(Json(page.map(EventBody::from)))
}
