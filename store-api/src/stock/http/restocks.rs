//! `POST /internal/restocks/{id}`: sold pieces come back.
//!
//! Only services call this route, so it is not in the OpenAPI document. Its bodies are types of the crate
//! `store-client`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use problem::{Code, Json, Path, Problem};
use store_client::{RESTOCKS_PATH, Restock, RestockRequest};
use uuid::Uuid;

use crate::state::AppState;
use crate::stock::{RestockError, restock};

/// The route.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(&format!("{RESTOCKS_PATH}/{{id}}"), post(restock_create))
}

impl From<RestockError> for Problem {
    fn from(error: RestockError) -> Self {
        match error {
            RestockError::NotSold => Self::new(Code::NotFound),
            RestockError::Mismatch => Self::new(Code::RestockMismatch),
            RestockError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(RestockError);

/// Puts sold pieces back on sale, once for each id.
async fn restock_create(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Json(request): Json<RestockRequest>,
) -> Result<Json<Restock>, RestockError> {
    restock(&state.database, &state.clock, id, request).await.map(Json)
}
