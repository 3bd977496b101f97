//! `GET /api/store/items`: find items.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::{HeaderValue, header};
use money::Won;
use paging::{List, Page, PageParameters};
use problem::Problem;
use problem::range::{not_after, not_before};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::keyword::{is_keyword, keyword};
use crate::items::Category;
use crate::items::http::bodies::ItemBody;
use crate::search::{ItemFilter, ItemPage, ItemPosition, ItemSearch, ItemSort};
use crate::shared::http::batch_outcome;
use crate::state::AppState;

/// Which items, in which order.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only items that have every one of these words in their name or description. A word may be a part of a longer word,
    /// and may be written apart there: `생크림케이크` finds `생크림 케이크`, and `생크림 케이크` finds `생크림케이크`. Case,
    /// width, accents and Unicode form make no difference. Punctuation only separates words; a text of punctuation alone finds
    /// nothing. At most 10 words. Text without a visible character is refused.
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
    /// Only items whose `minPrice` is at least this. With `inStock=true` it is the price of an option that can be bought now.
    /// Not above `maxPrice`.
    #[garde(inner(custom(is_not_negative), custom(not_after("maxPrice", self.max_price.as_ref()))))]
    #[param(value_type = Option<i64>, minimum = 0)]
    min_price: Option<Won>,
    /// Only items whose `minPrice` is at most this. With `inStock=true` it is the price of an option that can be bought now.
    #[garde(inner(custom(is_not_negative), custom(not_before("minPrice", self.min_price.as_ref()))))]
    #[param(value_type = Option<i64>, minimum = 0)]
    max_price: Option<Won>,
    /// With `true`, only items of which a piece can be bought now.
    #[garde(skip)]
    #[serde(default)]
    in_stock: bool,
    /// The order of the list.
    #[garde(skip)]
    #[param(inline)]
    #[serde(default)]
    sort: ItemSort,
}

fn is_not_negative(price: &Won, (): &()) -> garde::Result {
    if price.is_negative() { Err(garde::Error::new("must not be below 0")) } else { Ok(()) }
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, RateLimited);

/// Find items
///
/// Items with every word in their name come first, then items that need their description to match. The sort orders each
/// of these two parts. Where it leaves the order open, the better match comes first: the words with the same spaces as in the
/// search; then the words side by side with other spaces; then words with others between them. So `latest` shows the best
/// matches first, and among equally good ones the newest; the other sorts show the better match first among items with an
/// equal count or price. A page may have fewer items than `limit`, or none, and still have a `nextCursor`: a search that takes
/// too long continues on the next page.
#[utoipa::path(
    get,
    path = "/api/store/items",
    tag = "items",
    params(Filter, PageParameters),
    responses((status = OK, description = "A page of items", body = Page<ItemBody>), Refusals)
)]
pub(crate) async fn item_list(
    State(state): State<AppState>,
    list: List<Filter, ItemPosition>,
) -> Result<Response, Problem> {
    let List { limit, after, filter, question } = list;
    let Filter { keyword: words, category, store_id, min_price, max_price, in_stock, sort } = filter;
    let filter = ItemFilter { category, store_id, min_price, max_price, in_stock };
    let search = ItemSearch { keyword: keyword(words.as_deref()), filter, sort, after, limit: limit.get() };
    let page = batch_outcome(state.item_pages.ask(ItemPage { search, question }, ()).await)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], page).into_response())
}
