//! `GET /api/order/payouts`

use access::Seller;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters, TimePosition};
use problem::{Json, Problem};

use super::payout_body::PayoutBody;
use crate::payouts::db;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List your payouts
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/order/payouts",
    tag = "settlements",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of payouts", body = Page<PayoutBody>), Refusals),
)]
pub(crate) async fn payout_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    list: OwnList<NoFilter, TimePosition>,
) -> Result<Json<Page<PayoutBody>>, Problem> {
    let list = list.of(seller.member_id)?;
    let (after, rows) = (list.after, list.rows_to_fetch());
    let read = app
        .database
        .read("payout_list", move |connection| Box::pin(db::list(connection, seller.member_id, after, rows)));
    let page = list.page(read.await?, |last| TimePosition { at: last.created_at, id: last.id });
    Ok(Json(page.map(PayoutBody::from)))
}
