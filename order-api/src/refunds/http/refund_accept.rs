//! `POST /api/order/sales/{lineId}/refund/accept`

use access::Seller;
use axum::extract::State;
use problem::{Json, Path};
use uuid::Uuid;

use crate::orders::http::order_body::LineBody;
use crate::orders::line::Action;
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict);

/// Accept a refund
///
/// The customer gets the money of the line back, and your store gets the pieces back.
#[utoipa::path(
    post,
    path = "/api/order/sales/{lineId}/refund/accept",
    tag = "sales",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    responses((status = OK, description = "The line, REFUNDED", body = LineBody), Refusals),
)]
pub(crate) async fn refund_accept(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Path(line_id): Path<Uuid>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_seller(seller.member_id, Action::AcceptRefund, None);
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}
