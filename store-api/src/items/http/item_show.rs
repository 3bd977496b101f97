//! `GET /api/store/items/{itemId}`: one item.

use axum::extract::State;
use problem::{Json, Path, Problem};
use uuid::Uuid;

use super::bodies::ItemWithOptionsBody;
use crate::items::ItemWithOptions;
use crate::shared::http::batch_outcome;
use crate::shared::http::etag::{Tagged, show};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, NotFound);

/// Show an item
#[utoipa::path(
    get,
    path = "/api/store/items/{itemId}",
    tag = "items",
    params(("itemId" = Uuid, Path)),
    responses(
        (status = OK, description = "The item", body = ItemWithOptionsBody, headers(("ETag" = String, description = "Changes with every edit of the item and its options, and with their stock"))),
        Refusals
    )
)]
pub(crate) async fn item_show(
    State(state): State<AppState>,
    Path(item_id): Path<Uuid>,
) -> Result<Tagged<Json<ItemWithOptionsBody>>, Problem> {
    show(batch_outcome(state.items_by_id.ask((), item_id).await)?, ItemWithOptions::entity_tag)
}
