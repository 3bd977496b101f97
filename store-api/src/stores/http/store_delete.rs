//! `DELETE /api/store/stores/{storeId}`: closing a store for good.

use access::Seller;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::shared::http::etag::IfMatch;
use crate::state::AppState;
use crate::stores::{CloseStoreError, close_store};

impl From<CloseStoreError> for Problem {
    fn from(error: CloseStoreError) -> Self {
        match error {
            CloseStoreError::NotFound => Self::new(Code::NotFound),
            CloseStoreError::Changed => Self::new(Code::PreconditionFailed),
            CloseStoreError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(CloseStoreError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound, PreconditionFailed);

/// Delete your store
///
/// Its items, their hearts and its follows go with it, at once. Orders that were placed keep what they show of it.
#[utoipa::path(
    delete,
    path = "/api/store/stores/{storeId}",
    tag = "stores",
    security(("bearer" = [])),
    params(
        ("storeId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the store as you read it"),
    ),
    responses((status = NO_CONTENT, description = "It is gone"), Refusals)
)]
pub(crate) async fn store_delete(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Path(store_id): Path<Uuid>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, CloseStoreError> {
    close_store(&state.database, &state.clock, seller.member_id, store_id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
