//! `POST /api/order/sales/{lineId}/refund/accept` and `…/reject`

use access::Seller;
use axum::extract::State;
use problem::{Json, Path};
use uuid::Uuid;

use super::reason::ReasonBody;
use crate::orders::http::order_body::LineBody;
use crate::orders::line::{Action, Actor};
use crate::refunds::change_line::{Change, ChangeLineError, change_line};
use crate::state::AppState;

problem::refusals!(AcceptRefusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict);
problem::refusals!(RejectRefusals:
    MalformedJson, ValidationFailed, InvalidParameter, Unauthenticated, WrongRole, NotFound, LineStateConflict,
    BodyTooLarge, UnsupportedMediaType);

/// Give a customer their money back
///
/// The customer gets the line's money back, and your store its pieces.
#[utoipa::path(
    post,
    path = "/api/order/sales/{lineId}/refund/accept",
    tag = "sales",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    responses((status = OK, description = "The line, REFUNDED", body = LineBody), AcceptRefusals),
)]
pub(crate) async fn refund_accept(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Path(line_id): Path<Uuid>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change {
        action: Action::AcceptRefund,
        actor: Actor::Seller,
        actor_id: seller.member_id,
        reason: None,
    };
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}

/// Refuse a customer their money
///
/// This is final.
#[utoipa::path(
    post,
    path = "/api/order/sales/{lineId}/refund/reject",
    tag = "sales",
    security(("bearer" = [])),
    params(("lineId" = Uuid, Path, description = "The order line")),
    request_body = ReasonBody,
    responses((status = OK, description = "The line, REFUND_REJECTED", body = LineBody), RejectRefusals),
)]
pub(crate) async fn refund_reject(
    State(app): State<AppState>,
    Seller(seller): Seller,
    Path(line_id): Path<Uuid>,
    Json(request): Json<ReasonBody>,
) -> Result<Json<LineBody>, ChangeLineError> {
    let change = Change {
        action: Action::RejectRefund,
        actor: Actor::Seller,
        actor_id: seller.member_id,
        reason: Some(request.text()),
    };
    Ok(Json(change_line(&app, line_id, change).await?.line.into()))
}
