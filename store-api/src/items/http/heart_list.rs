//! `GET /api/store/me/hearts`: the items that have the heart of a customer.

use access::Customer;
use axum::extract::State;
use paging::{NoFilter, OwnList, Page, PageParameters, TimePosition};
use problem::{Json, Problem};

use super::bodies::ItemBody;
use crate::items::db::hearts;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List the items that have your heart
///
/// The latest heart comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/hearts",
    tag = "items",
    security(("bearer" = [])),
    params(PageParameters),
    responses((status = OK, description = "A page of items", body = Page<ItemBody>), Refusals)
)]
pub(crate) async fn heart_list(
    State(state): State<AppState>,
    Customer(customer): Customer,
    list: OwnList<NoFilter, TimePosition>,
) -> Result<Json<Page<ItemBody>>, Problem> {
    let list = list.of(customer.member_id)?;
    let (after, rows) = (list.after, list.rows_to_fetch());
    let read = state.database.read("heart_list", move |connection| {
        Box::pin(hearts::of_member(connection, customer.member_id.0, after, rows))
    });
    let page = list.page(read.await?, |(item, at)| TimePosition { at: *at, id: item.id });
    Ok(Json(page.map(|(item, _)| item.into())))
}
