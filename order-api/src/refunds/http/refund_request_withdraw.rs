//! `DELETE /api/order/lines/{lineId}/refund-request`

use access::Customer;
use axum::extract::State;
use problem::{Json, Path};
use uuid::Uuid;

use crate::orders::http::order_body::LineBody;
use crate::orders::line::Action;
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict);

/// Withdraw the request for a refund of an order line
///
/// Possible until the seller has answered. You can ask again.
#[utoipa::path(
    delete,
    path = "/api/order/lines/{lineId}/refund-request",
    tag = "order lines",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    responses((status = OK, description = "The line, ORDERED", body = LineBody), Refusals),
)]
pub(crate) async fn refund_request_withdraw(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(line_id): Path<Uuid>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_customer(customer.member_id, Action::WithdrawRequest, None);
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}
