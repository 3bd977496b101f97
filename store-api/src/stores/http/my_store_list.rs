//! `GET /api/store/me/stores`: the stores of a seller.

use access::Seller;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters};
use problem::{Json, Problem};

use super::bodies::StoreBody;
use crate::state::AppState;
use crate::stores::db::stores;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List your stores
///
/// The newest store comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/stores",
    tag = "stores",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn my_store_list(
    State(state): State<AppState>,
    Seller(seller): Seller,
    list: OwnList<NoFilter, i64>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let list = list.of(seller.member_id)?;
    let (below, rows) = (list.after, list.rows_to_fetch());
    let read = state.database.read("my_store_list", move |connection| {
        Box::pin(stores::of_seller(connection, seller.member_id.0, below, rows))
    });
    let page = list.page(read.await?, |last| last.number);
    Ok(Json(page.map(StoreBody::from)))
}
