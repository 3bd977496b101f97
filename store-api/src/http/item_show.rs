//! `GET /api/store/items/{itemId}`: one item.

use axum::extract::State;
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use super::bodies::WholeItemBody;
use super::version::{Tagged, tagged};
use crate::catalogue::ItemWithOptions;
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
    let shown = find(&state, item_id).await.map_err(database::problem)?;
    let shown = shown.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(tagged(shown.item.version, Json(shown.into())))
}

async fn find(state: &AppState, item_id: Uuid) -> sqlx::Result<Option<ItemWithOptions>> {
    let mut connection = state.database.acquire().await?;
    // The item first: where its options change between the two reads, the tag is the older one, and an edit by it is
    // refused rather than made blindly.
    let Some(item) = db::items::find(&mut connection, item_id).await? else { return Ok(None) };
    let options = db::options::of_item(&mut connection, item_id).await?;
    Ok(Some(ItemWithOptions { item, options }))
}
