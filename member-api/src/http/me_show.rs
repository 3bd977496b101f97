//! `GET /api/member/me`: one's own account.

use access::Principal;
use axum::extract::State;
use problem::{Json, Problem};

use super::bodies::{MemberBody, account_is_closed};
use crate::db::members;
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
pub(super) async fn me_show(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<MemberBody>, Problem> {
    let mut connection = state.database.acquire().await.map_err(database::problem)?;
    let member = members::find(&mut connection, principal.member_id).await.map_err(database::problem)?;
    connection.give_back();
    member.map(|member| Json(member.into())).ok_or_else(|| account_is_closed(principal))
}
