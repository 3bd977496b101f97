//! `GET /api/store/items`: find items.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::{HeaderValue, header};
use money::Won;
use paging::{Cursor, Limit, Page};
use problem::{Problem, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::keyword::{is_keyword, keyword};
use crate::items::Category;
use crate::items::http::bodies::ItemBody;
use crate::search::item_pages::After;
use crate::search::{ItemFilter, ItemSearch, ItemSort};
use crate::shared::http::batch_outcome;
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only items that have every one of these words in their name or description. A word may be a part of a longer
    /// word. Case, width and Unicode form make no difference. At most 10 words.
    #[garde(inner(custom(is_keyword)))]
    #[param(max_length = 100, example = "초코 케이크")]
    keyword: Option<String>,
    /// Only items of this category.
    #[garde(skip)]
    #[param(inline)]
    category: Option<Category>,
    /// Only items of this store.
    #[garde(skip)]
    store_id: Option<Uuid>,
    /// Only items whose cheapest option costs at least this.
    #[garde(skip)]
    #[param(value_type = Option<i64>)]
    min_price: Option<Won>,
    /// Only items whose cheapest option costs at most this.
    #[garde(skip)]
    #[param(value_type = Option<i64>)]
    max_price: Option<Won>,
    /// With `true`, only items of which a piece can be bought now.
    #[garde(skip)]
    in_stock: Option<bool>,
    /// The order of the list.
    #[garde(skip)]
    #[param(inline)]
    sort: Option<ItemSort>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor);

/// Find items
///
/// Items with every word in their name come first, then items that need their description to match. The sort orders each
/// of these two parts. A page may have fewer items than `limit`, or none, and still have a `nextCursor`: a search that
/// takes too long continues on the next page.
#[utoipa::path(
    get,
    path = "/api/store/items",
    tag = "items",
    params(ListQuery),
    responses((status = OK, description = "A page of items", body = Page<ItemBody>), Refusals)
)]
pub(crate) async fn item_list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let sort = query.sort.unwrap_or_default();
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let after = after.map(|after| after.position(sort)).transpose()?;
    let filter = ItemFilter {
        category: query.category,
        store_id: query.store_id,
        min_price: query.min_price,
        max_price: query.max_price,
        in_stock: query.in_stock.unwrap_or_default(),
    };
    let limit = query.limit.unwrap_or_default().get();
    let search = ItemSearch { keyword: keyword(query.keyword.as_deref()), filter, sort, after, limit };
    let page = batch_outcome(state.item_pages.ask(search, ()).await)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], page).into_response())
}
