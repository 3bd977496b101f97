//! `DELETE /api/store/items/{itemId}`: taking an item off sale for good.

use access::Seller;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::items::{RemoveItemError, remove_item};
use crate::shared::http::etag::IfMatch;
use crate::state::AppState;

impl From<RemoveItemError> for Problem {
    fn from(error: RemoveItemError) -> Self {
        match error {
            RemoveItemError::NotFound => Self::new(Code::NotFound),
            RemoveItemError::Changed => Self::new(Code::PreconditionFailed),
            RemoveItemError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(RemoveItemError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, PreconditionFailed);

/// Delete your item
///
/// Its hearts go with it, at once. Orders that were placed keep what they show of it.
#[utoipa::path(
    delete,
    path = "/api/store/items/{itemId}",
    tag = "items",
    security(("bearer" = [])),
    params(
        ("itemId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the item as you read it"),
    ),
    responses((status = NO_CONTENT, description = "It is gone"), Refusals)
)]
pub(crate) async fn item_delete(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Path(item_id): Path<Uuid>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, RemoveItemError> {
    remove_item(&state.database, &state.clock, seller.member_id, item_id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
