//! `POST /api/order/sales/{lineId}/refund/accept`

use access::Seller;
use axum::extract::State;
use idempotency::Operation;
use problem::{Json, Path};
use uuid::Uuid;

use crate::orders::http::order_body::LineBody;
use crate::orders::line::Action;
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound, IdempotencyKeyInUse, LineStateConflict, BodyTooLarge, IdempotencyKeyReused);

/// Accept a refund
///
/// The customer gets the money of the line back, and your store gets the pieces back.
#[utoipa::path(
    post,
    path = "/api/order/sales/{lineId}/refund/accept",
    tag = "sales",
    security(("bearer" = [])),
    params(
        ("lineId" = Uuid, Path, description = "The order line"),
        ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each decision", min_length = 1, max_length = 255)
    ),
    responses((status = OK, description = "The line, REFUNDED", body = LineBody), Refusals),
)]
pub(crate) async fn refund_accept(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Path(line_id): Path<Uuid>,
    operation: Option<Operation>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_seller(seller.member_id, Action::AcceptRefund, None);
    Ok(Json(change_line(&app, line_id, change.once_by(operation)).await?.line.into()))
}
