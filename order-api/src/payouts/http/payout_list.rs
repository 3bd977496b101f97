//! `GET /api/order/payouts`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::payout_body::PayoutBody;
use crate::db::SortKey;
use crate::payouts::db;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the last payout of the page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    payout: SortKey,
}

/// List your payouts
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/order/payouts",
    tag = "settlements",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of payouts", body = Page<PayoutBody>), Refusals),
)]
pub(crate) async fn payout_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<PayoutBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let after = after.map(|after| after.payout);
    let (seller_id, rows) = (seller.member_id, limit.rows_to_fetch());
    let list = app
        .database
        .read("payout_list", move |connection| Box::pin(db::list(connection, seller_id, after, rows)));
    let rows = list.await?;
    let page =
        Page::from_rows(rows, limit, |last| After { payout: SortKey { at: last.created_at, id: last.id } });
    Ok(Json(page.map(PayoutBody::from)))
}
