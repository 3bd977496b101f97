//! `GET /api/order/settlement-runs`

use access::Admin;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::settlement_run_body::RunBody;
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only runs for this business day, in Asia/Seoul.
    #[garde(skip)]
    #[param(inline)]
    day: Option<BusinessDay>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the last run of the page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    run: Uuid,
}

/// List the settlement runs
///
/// The newest first. A run that has not ended shows its progress.
#[utoipa::path(
    get,
    path = "/api/order/settlement-runs",
    tag = "settlement runs",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of runs", body = Page<RunBody>), Refusals),
)]
pub(crate) async fn settlement_run_list(
    State(app): State<AppState>,
    Admin(_admin): Admin,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<RunBody>>, Problem> {
    let before: Option<Before> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = app.settler.runs(query.day, before.map(|before| before.run), limit.rows_to_fetch()).await?;
    let page = Page::from_rows(rows, limit, |last| Before { run: last.id });
    Ok(Json(page.map(RunBody::from)))
}
