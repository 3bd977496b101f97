//! `GET /api/order/orders`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use paging::{OwnList, Page, PageParameters, TimePosition};
use problem::range::{not_after, not_before};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::order_body::{OrderBody, StatusBody};
use crate::orders::db::orders::{self, Filter};
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// Which of your orders.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListFilter {
    /// Only orders that were placed on this day, in Asia/Seoul, or later. Not after `to`.
    #[garde(inner(custom(not_after("to", self.to.as_ref()))))]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only orders that were placed on this day, in Asia/Seoul, or earlier.
    #[garde(inner(custom(not_before("from", self.from.as_ref()))))]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only orders with this status.
    #[param(inline)]
    status: Option<StatusBody>,
}

/// List your orders
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/order/orders",
    tag = "orders",
    security(("bearer" = [])),
    params(ListFilter, PageParameters),
    responses((status = OK, description = "A page of orders", body = Page<OrderBody>), Refusals),
)]
pub(crate) async fn order_list(
    State(app): State<AppState>,
    Customer(customer): Customer,
    list: OwnList<ListFilter, TimePosition>,
) -> Result<Json<Page<OrderBody>>, Problem> {
    let list = list.of(customer.member_id)?;
    let ListFilter { from, to, status } = list.filter;
    let filter = Filter {
        from: from.map(BusinessDay::start),
        until: to.map(BusinessDay::end),
        status: status.map(StatusBody::as_str),
        after: list.after,
    };
    let rows = list.rows_to_fetch();
    let read = app.database.read("order_list", move |connection| {
        Box::pin(async move { orders::list(connection, customer.member_id, &filter, rows).await })
    });
    let page = list.page(read.await?, |last| TimePosition { at: last.created_at, id: last.id });
    Ok(Json(page.map(OrderBody::from)))
}
