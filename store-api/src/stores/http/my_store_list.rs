//! `GET /api/store/me/stores`: the stores of a seller.

use access::Seller;
use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::bodies::StoreBody;
use crate::state::AppState;
use crate::stores::db;

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    #[param(inline)]
    limit: Option<Limit>,
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the next page begins after the store of this number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    my_store: i64,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, Unauthenticated, WrongRole);

/// List your stores
///
/// The newest store comes first.
#[utoipa::path(
    get,
    path = "/api/store/me/stores",
    tag = "stores",
    security(("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn my_store_list(
    State(state): State<AppState>,
    Seller(seller): Seller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let below = after.map(|after| after.my_store);
    let limit = query.limit.unwrap_or_default();
    let list = state.database.read("my_store_list", move |connection| {
        Box::pin(db::stores::of_seller(connection, seller.member_id.0, below, limit.rows_to_fetch()))
    });
    let rows = list.await?;
    let page = Page::from_rows(rows, limit, |last| After { my_store: last.number });
    Ok(Json(page.map(StoreBody::from)))
}
