//! `GET /api/order/settlement-runs`

use access::Admin;
use axum::extract::State;
use garde::Validate;
use paging::{OwnList, Page, PageParameters};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::settlement_run_body::RunBody;
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// Which runs.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListFilter {
    /// Only runs for this business day, in Asia/Seoul.
    #[param(inline)]
    day: Option<BusinessDay>,
}

/// List the settlement runs
///
/// The newest first. A run that has not ended shows its progress.
#[utoipa::path(
    get,
    path = "/api/order/settlement-runs",
    tag = "settlement runs",
    security(("bearer" = [])),
    params(ListFilter, PageParameters),
    responses((status = OK, description = "A page of runs", body = Page<RunBody>), Refusals),
)]
pub(crate) async fn settlement_run_list(
    State(app): State<AppState>,
    Admin(admin): Admin,
    list: OwnList<ListFilter, Uuid>,
) -> Result<Json<Page<RunBody>>, Problem> {
    // All administrators see the same runs, but a cursor belongs to one of them.
    let list = list.of(admin.member_id)?;
    let runs = app.settler.runs(list.filter.day, list.after, list.rows_to_fetch()).await?;
    Ok(Json(list.page(runs, |last| last.id).map(RunBody::from)))
}
