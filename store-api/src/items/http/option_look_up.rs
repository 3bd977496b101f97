//! `POST /internal/options/lookup`: the current state of options, for carts and checkouts.
//!
//! Only services call this route, so it is not in the OpenAPI document. Its bodies are types of the crate
//! `store-client`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use problem::{Json, Problem};
use store_client::{LOOK_UP_PATH, LookUpRequest, OptionsFound};

use crate::items::db;
use crate::state::AppState;

/// The route.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(LOOK_UP_PATH, post(option_look_up))
}

/// Returns the current state of options, on sale or deleted, all at one moment.
async fn option_look_up(
    State(state): State<AppState>,
    Json(request): Json<LookUpRequest>,
) -> Result<Json<OptionsFound>, Problem> {
    let look_up = state.database.read("option_look_up", move |connection| {
        Box::pin(async move { db::option_lookup::options(connection, &request.option_ids).await })
    });
    Ok(Json(look_up.await?))
}
