//! `POST /api/order/sales/{lineId}/refund/reject`

use access::Seller;
use axum::extract::State;
use idempotency::Operation;
use problem::{Json, Path};
use uuid::Uuid;

use super::reason::ReasonBody;
use crate::orders::http::order_body::LineBody;
use crate::orders::line::Action;
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound, IdempotencyKeyInUse, LineStateConflict,
    BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused);

/// Reject a refund
///
/// This is final.
#[utoipa::path(
    post,
    path = "/api/order/sales/{lineId}/refund/reject",
    tag = "sales",
    security(("bearer" = [])),
    params(
        ("lineId" = Uuid, Path, description = "The order line"),
        ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each decision", min_length = 1, max_length = 255)
    ),
    request_body = ReasonBody,
    responses((status = OK, description = "The line, REFUND_REJECTED", body = LineBody), Refusals),
)]
pub(crate) async fn refund_reject(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Path(line_id): Path<Uuid>,
    operation: Option<Operation>,
    Json(request): Json<ReasonBody>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_seller(seller.member_id, Action::RejectRefund, Some(request.into_text()));
    Ok(Json(change_line(&app, line_id, change.once_by(operation)).await?.line.into()))
}
