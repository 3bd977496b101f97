//! `GET /api/order/sales`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use paging::{OwnList, Page, PageParameters, TimePosition};
use problem::range::{not_after, not_before};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::sale_body::SaleBody;
use crate::orders::db::sales::{self, Filter, Sale};
use crate::orders::line::LineStatus;
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// Which of your sales.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListFilter {
    /// Only sales of this store.
    store_id: Option<Uuid>,
    /// Only sales of this business day, in Asia/Seoul, or later. Not after `to`.
    #[garde(inner(custom(not_after("to", self.to.as_ref()))))]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only sales of this business day, in Asia/Seoul, or earlier.
    #[garde(inner(custom(not_before("from", self.from.as_ref()))))]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only sales with this status.
    #[param(inline)]
    status: Option<LineStatus>,
}

/// List your sales
///
/// The paid order lines of your stores, the newest first.
#[utoipa::path(
    get,
    path = "/api/order/sales",
    tag = "sales",
    security(("bearer" = [])),
    params(ListFilter, PageParameters),
    responses((status = OK, description = "A page of sales", body = Page<SaleBody>), Refusals),
)]
pub(crate) async fn sale_list(
    State(app): State<AppState>,
    Seller(seller): Seller,
    list: OwnList<ListFilter, TimePosition>,
) -> Result<Json<Page<SaleBody>>, Problem> {
    let list = list.of(seller.member_id)?;
    let ListFilter { store_id, from, to, status } = list.filter;
    let (filter, rows) = (Filter { store_id, from, to, status, after: list.after }, list.rows_to_fetch());
    let read = app.database.read("sale_list", move |connection| {
        Box::pin(async move { sales::list(connection, seller.member_id, &filter, rows).await })
    });
    Ok(Json(list.page(read.await?, Sale::position).map(SaleBody::from)))
}
