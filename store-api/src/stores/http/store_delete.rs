//! `DELETE /api/store/stores/{storeId}`: close a store.

use axum::extract::State;
use http::StatusCode;
use problem::Path;
use uuid::Uuid;

use crate::shared::http::etag::IfMatch;
use crate::shared::{EditError, SellerEdit};
use crate::state::AppState;
use crate::stores::close_store;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, PreconditionFailed);

/// Delete your store
///
/// Its items, their hearts and its follows are deleted with it. Existing orders keep their names and prices.
#[utoipa::path(
    delete,
    path = "/api/store/stores/{storeId}",
    tag = "stores",
    security(("bearer" = [])),
    params(("storeId" = Uuid, Path), IfMatch),
    responses((status = NO_CONTENT, description = "The store is deleted"), Refusals)
)]
pub(crate) async fn store_delete(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(store_id): Path<Uuid>,
) -> Result<StatusCode, EditError> {
    close_store(&state.database, &state.clock, edit, store_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
