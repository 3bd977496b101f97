//! `POST /api/order/lines/{lineId}/refund-request`

use access::Customer;
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
    AccountClosed, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused);

/// Ask for a refund of an order line
///
/// The seller accepts or rejects it. A rejection is final.
#[utoipa::path(
    post,
    path = "/api/order/lines/{lineId}/refund-request",
    tag = "order lines",
    security(("bearer" = [])),
    params(
        ("lineId" = Uuid, Path, description = "The order line"),
        ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each request", min_length = 1, max_length = 255)
    ),
    request_body = ReasonBody,
    responses((status = OK, description = "The line, REFUND_REQUESTED", body = LineBody), Refusals),
)]
pub(crate) async fn refund_request_create(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(line_id): Path<Uuid>,
    operation: Option<Operation>,
    Json(request): Json<ReasonBody>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_customer(customer.member_id, Action::RequestRefund, Some(request.into_text()));
    Ok(Json(change_line(&app, line_id, change.once_by(operation)).await?.line.into()))
}
