//! `GET /api/order/orders`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::order_body::{OrderBody, StatusBody};
use crate::db::SortKey;
use crate::orders::db::orders::{self, Filter};
use crate::settlement::day::BusinessDay;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only orders that were placed on this day, in Asia/Seoul, or later.
    #[garde(skip)]
    #[param(inline)]
    from: Option<BusinessDay>,
    /// Only orders that were placed on this day, in Asia/Seoul, or earlier.
    #[garde(skip)]
    #[param(inline)]
    to: Option<BusinessDay>,
    /// Only orders with this status.
    #[garde(skip)]
    #[param(inline)]
    status: Option<StatusBody>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the last order of the page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    order: SortKey,
}

/// List your orders
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/order/orders",
    tag = "orders",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of orders", body = Page<OrderBody>), Refusals),
)]
pub(crate) async fn order_list(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<OrderBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let filter = Filter {
        from: query.from.map(BusinessDay::start),
        until: query.to.map(BusinessDay::end),
        status: query.status.map(StatusBody::as_str),
        after: after.map(|after| after.order),
    };
    let (customer_id, rows) = (customer.member_id, limit.rows_to_fetch());
    let list = app.database.read("order_list", move |connection| {
        Box::pin(async move { orders::list(connection, customer_id, &filter, rows).await })
    });
    let rows = list.await?;
    let page =
        Page::from_rows(rows, limit, |last| After { order: SortKey { at: last.created_at, id: last.id } });
    Ok(Json(page.map(OrderBody::from)))
}
