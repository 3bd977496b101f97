//! `PUT` and `DELETE /api/store/stores/{storeId}/follow`: following a store, and no longer.

use access::Customer;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::state::AppState;
use crate::stores::{FollowError, follow, unfollow};

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::NotFound => Self::new(Code::NotFound),
            FollowError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(FollowError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound);

/// Follow a store
///
/// Following it again changes nothing.
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
) -> Result<StatusCode, FollowError> {
    follow(&state.database, &state.clock, customer.member_id, store_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follow a store no longer
///
/// Where you did not follow it, nothing changes.
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
) -> Result<StatusCode, FollowError> {
    unfollow(&state.database, customer.member_id, store_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
