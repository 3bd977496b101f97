//! `GET /api/store/items/{itemId}`: one item.

use axum::extract::State;
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use super::bodies::WholeItemBody;
use super::version::{Tagged, tagged};
use crate::db;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, NotFound);

/// Show an item
#[utoipa::path(
    get,
    path = "/api/store/items/{itemId}",
    tag = "items",
    params(("itemId" = Uuid, Path)),
    responses(
        (status = OK, description = "The item", body = WholeItemBody, headers(("ETag" = String, description = "Its version"))),
        Refusals
    )
)]
pub(super) async fn item_show(
    State(state): State<AppState>,
    Path(item_id): Path<Uuid>,
) -> Result<Tagged<Json<WholeItemBody>>, Problem> {
    let mut connection = state.database.acquire().await.map_err(database::problem)?;
    let shown = db::whole_items::find(&mut connection, item_id).await.map_err(database::problem)?;
    connection.give_back();
    let shown = shown.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(tagged(shown.item.version, Json(shown.into())))
}
