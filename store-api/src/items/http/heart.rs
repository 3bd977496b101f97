//! `PUT` and `DELETE /api/store/items/{itemId}/heart`: give an item a heart, and take it back.

use access::Customer;
use axum::extract::State;
use http::StatusCode;
use problem::Path;
use uuid::Uuid;

use crate::items::{give_heart, take_heart};
use crate::shared::MarkError;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, AccountClosed);

/// Give an item a heart
///
/// If it has your heart already, nothing changes.
#[utoipa::path(
    put,
    path = "/api/store/items/{itemId}/heart",
    tag = "items",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "It has your heart"), Refusals)
)]
pub(crate) async fn heart_put(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Path(item_id): Path<Uuid>,
) -> Result<StatusCode, MarkError> {
    give_heart(&state.database, &state.clock, customer.member_id, item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take your heart back from an item
///
/// If it does not have your heart, nothing changes.
#[utoipa::path(
    delete,
    path = "/api/store/items/{itemId}/heart",
    tag = "items",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "It does not have your heart"), Refusals)
)]
pub(crate) async fn heart_delete(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Path(item_id): Path<Uuid>,
) -> Result<StatusCode, MarkError> {
    take_heart(&state.database, customer.member_id, item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
