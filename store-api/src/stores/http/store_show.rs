//! `GET /api/store/stores/{storeId}`: one store.

use axum::extract::State;
use problem::{Json, Path, Problem};
use uuid::Uuid;

use super::bodies::StoreBody;
use crate::shared::http::etag::{Tagged, show};
use crate::state::AppState;
use crate::stores::{Store, db};

problem::refusals!(Refusals: InvalidParameter, NotFound);

/// Show a store
#[utoipa::path(
    get,
    path = "/api/store/stores/{storeId}",
    tag = "stores",
    params(("storeId" = Uuid, Path)),
    responses(
        (status = OK, description = "The store", body = StoreBody, headers(("ETag" = String, description = "Changes with every edit"))),
        Refusals
    )
)]
pub(crate) async fn store_show(
    State(state): State<AppState>,
    Path(store_id): Path<Uuid>,
) -> Result<Tagged<Json<StoreBody>>, Problem> {
    let find =
        state.database.read("store_show", move |connection| Box::pin(db::stores::find(connection, store_id)));
    show(find.await?, Store::entity_tag)
}
