//! `GET /api/member/me`: shows the caller's account.

use access::Principal;
use axum::extract::State;
use problem::{Json, Problem};

use super::member_body::MemberBody;
use crate::members;
use crate::members::http::account_closed;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated);

/// Show your account
#[utoipa::path(
    get,
    path = "/api/member/me",
    tag = "accounts",
    security(("bearer" = [])),
    responses((status = OK, description = "Your account", body = MemberBody), Refusals)
)]
pub(crate) async fn me_show(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<MemberBody>, Problem> {
    let member_id = principal.member_id;
    let find =
        state.database.read("me_show", move |connection| Box::pin(members::db::find(connection, member_id)));
    let member = find.await?;
    member.map(|member| Json(member.into())).ok_or_else(|| account_closed(principal))
}
