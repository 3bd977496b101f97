//! `DELETE /api/store/items/{itemId}`: delete an item.

use axum::extract::State;
use http::StatusCode;
use problem::Path;
use uuid::Uuid;

use crate::items::remove_item;
use crate::shared::http::etag::IfMatch;
use crate::shared::{EditError, SellerEdit};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, PreconditionFailed);

/// Delete your item
///
/// Its hearts are deleted with it. Existing orders keep its name and price.
#[utoipa::path(
    delete,
    path = "/api/store/items/{itemId}",
    tag = "items",
    security(("bearer" = [])),
    params(("itemId" = Uuid, Path), IfMatch),
    responses((status = NO_CONTENT, description = "The item is deleted"), Refusals)
)]
pub(crate) async fn item_delete(
    State(state): State<AppState>,
    edit: SellerEdit,
    Path(item_id): Path<Uuid>,
) -> Result<StatusCode, EditError> {
    remove_item(&state.database, &state.clock, edit, item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
