//! `POST /api/order/lines/{lineId}/cancel`

use access::Customer;
use axum::extract::State;
use idempotency::Operation;
use problem::{Json, Path};
use uuid::Uuid;

use crate::orders::http::order_body::LineBody;
use crate::orders::line::Action;
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(Refusals:
    InvalidParameter, IdempotencyKeyInvalid, Unauthenticated, WrongRole, NotFound, IdempotencyKeyInUse, CancelWindowClosed, LineStateConflict,
    AccountClosed, BodyTooLarge, IdempotencyKeyReused);

/// Cancel an order line
///
/// Possible for half an hour after the payment, or for as long as the operator has set. You get the money back, and the
/// store gets the pieces back.
#[utoipa::path(
    post,
    path = "/api/order/lines/{lineId}/cancel",
    tag = "order lines",
    security(("bearer" = [])),
    params(
        ("lineId" = Uuid, Path, description = "The order line"),
        ("Idempotency-Key" = Option<String>, Header, description = "A new random key for each cancellation", min_length = 1, max_length = 255)
    ),
    responses((status = OK, description = "The line, CANCELLED", body = LineBody), Refusals),
)]
pub(crate) async fn line_cancel(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(line_id): Path<Uuid>,
    operation: Option<Operation>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change::by_customer(customer.member_id, Action::Cancel, None);
    Ok(Json(change_line(&app, line_id, change.once_by(operation)).await?.line.into()))
}
