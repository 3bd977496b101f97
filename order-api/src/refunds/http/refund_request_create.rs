//! `POST` and `DELETE /api/order/lines/{lineId}/refund-request`

use access::Customer;
use axum::extract::State;
use problem::{Json, Path};
use uuid::Uuid;

use super::reason::ReasonBody;
use crate::orders::http::order_body::LineBody;
use crate::orders::line::{Action, Actor};
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(CreateRefusals:
    MalformedJson, ValidationFailed, InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict,
    BodyTooLarge, UnsupportedMediaType);
problem::refusals!(WithdrawRefusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict);

/// Ask for an order line's money back
///
/// The seller accepts or rejects it. A rejection is final.
#[utoipa::path(
    post,
    path = "/api/order/lines/{lineId}/refund-request",
    tag = "order lines",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    request_body = ReasonBody,
    responses((status = OK, description = "The line, REFUND_REQUESTED", body = LineBody), CreateRefusals),
)]
pub(crate) async fn refund_request_create(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(line_id): Path<Uuid>,
    Json(request): Json<ReasonBody>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change {
        action: Action::RequestRefund,
        actor: Actor::Customer,
        actor_id: customer.member_id,
        reason: Some(request.text()),
    };
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}

/// Withdraw a request for an order line's money
///
/// Until the seller has answered it. You can ask again.
#[utoipa::path(
    delete,
    path = "/api/order/lines/{lineId}/refund-request",
    tag = "order lines",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    responses((status = OK, description = "The line, ORDERED", body = LineBody), WithdrawRefusals),
)]
pub(crate) async fn refund_request_withdraw(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(line_id): Path<Uuid>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change {
        action: Action::WithdrawRequest,
        actor: Actor::Customer,
        actor_id: customer.member_id,
        reason: None,
    };
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}
