//! `PUT` and `DELETE /api/store/stores/{storeId}/follow`: follow a store, and unfollow it.

use access::Customer;
use axum::extract::State;
use http::StatusCode;
use problem::Path;
use uuid::Uuid;

use crate::shared::MarkError;
use crate::state::AppState;
use crate::stores::{follow, unfollow};

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, AccountClosed);

/// Follow a store
///
/// If you follow it already, nothing changes.
#[utoipa::path(
    put,
    path = "/api/store/stores/{storeId}/follow",
    tag = "stores",
    security(("bearer" = [])),
    params(("storeId" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "You follow it"), Refusals)
)]
pub(crate) async fn follow_put(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Path(store_id): Path<Uuid>,
) -> Result<StatusCode, MarkError> {
    follow(&state.database, &state.clock, customer.member_id, store_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unfollow a store
///
/// If you do not follow it, nothing changes.
#[utoipa::path(
    delete,
    path = "/api/store/stores/{storeId}/follow",
    tag = "stores",
    security(("bearer" = [])),
    params(("storeId" = Uuid, Path)),
    responses((status = NO_CONTENT, description = "You do not follow it"), Refusals)
)]
pub(crate) async fn follow_delete(
    State(state): State<AppState>,
    Customer(customer): Customer,
    Path(store_id): Path<Uuid>,
) -> Result<StatusCode, MarkError> {
    unfollow(&state.database, customer.member_id, store_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
