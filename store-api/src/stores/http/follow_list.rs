//! `GET /api/store/me/follows`: the stores that a customer follows.

use access::Customer;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters, TimePosition};
use problem::{Json, Problem};

use super::bodies::StoreBody;
use crate::state::AppState;
use crate::stores::db::follows;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List the stores that you follow
///
/// The latest follow comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/follows",
    tag = "stores",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn follow_list(
    State(state): State<AppState>,
    Customer(customer): Customer,
    list: OwnList<NoFilter, TimePosition>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let list = list.of(customer.member_id)?;
    let (after, rows) = (list.after, list.rows_to_fetch());
    let read = state.database.read("follow_list", move |connection| {
        Box::pin(follows::of_member(connection, customer.member_id.0, after, rows))
    });
    let page = list.page(read.await?, |(store, at)| TimePosition { at: *at, id: store.id });
    Ok(Json(page.map(|(store, _)| store.into())))
}
