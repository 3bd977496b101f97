//! `POST /internal/options/lookup`: options as they are now, for carts and checkouts. No client gets here, so it is not
//! in the OpenAPI document; the shapes are those of crate `store-client`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use problem::{Json, Problem};
use store_client::{LOOK_UP_PATH, LookUpRequest, OptionsFound};

use crate::items::db;
use crate::state::AppState;

/// The route, for other services only.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(LOOK_UP_PATH, post(option_look_up))
}

/// Says what options are now, on sale or deleted, all of one moment.
async fn option_look_up(
    State(state): State<AppState>,
    Json(request): Json<LookUpRequest>,
) -> Result<Json<OptionsFound>, Problem> {
    let look_up = state.database.read("option_look_up", move |db| {
        Box::pin(async move { db::option_lookup::options(db, &request.option_ids).await })
    });
    look_up.await.map(Json).map_err(database::problem)
}
