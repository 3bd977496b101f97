//! `PUT` and `DELETE /api/store/items/{itemId}/heart`: giving an item a heart, and taking it back.

use access::Customer;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Path, Problem};
use uuid::Uuid;

use crate::items::{HeartError, give_heart, take_heart};
use crate::state::AppState;

impl From<HeartError> for Problem {
    fn from(error: HeartError) -> Self {
        match error {
            HeartError::NotFound => Self::new(Code::NotFound),
            HeartError::Database(_) => database::problem(error),
        }
    }
}

problem::respond!(HeartError);
problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound);

/// Give an item a heart
///
/// Giving it again changes nothing.
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
) -> Result<StatusCode, HeartError> {
    give_heart(&state.database, &state.clock, customer.member_id, item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take your heart back from an item
///
/// Where it was not there, nothing changes.
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
) -> Result<StatusCode, HeartError> {
    take_heart(&state.database, customer.member_id, item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
