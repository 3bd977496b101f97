//! `GET /api/store/stores`: find stores.

use axum::extract::State;
use garde::Validate;
use paging::{List, Page, PageParameters};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::keyword::{is_keyword, keyword};
use crate::search::{Budget, StorePosition, StoreSearch, StoreSort, find_stores};
use crate::state::AppState;
use crate::stores::http::bodies::StoreBody;

/// Which stores, in which order.
#[derive(Debug, Deserialize, Serialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only stores that have every one of these words in their name. A word may be a part of a longer word, and may be
    /// written apart there: `달콤상점` finds `달콤 상점`, and `달콤 상점` finds `달콤상점`. Case, width, accents and Unicode
    /// form make no difference. Punctuation only separates words; a text of punctuation alone finds nothing. At most 10
    /// words. Text without a visible character is refused.
    #[garde(inner(custom(is_keyword)))]
    #[param(max_length = 100, example = "달콤")]
    keyword: Option<String>,
    /// The order of the list.
    #[garde(skip)]
    #[param(inline)]
    #[serde(default)]
    sort: StoreSort,
}

problem::refusals!(Refusals: InvalidParameter, BadCursor, RateLimited);

/// Find stores
///
/// Where the sort leaves the order open, the better match comes first: the words with the same spaces as in the search; then
/// the words side by side with other spaces; then words with others between them. So `latest` shows the best matches first,
/// and among equally good ones the newest; `followers` shows the better match first among stores with equally many. A page may
/// have fewer stores than `limit`, or none, and still have a `nextCursor`: a search that takes too long continues on the next
/// page.
#[utoipa::path(
    get,
    path = "/api/store/stores",
    tag = "stores",
    params(Filter, PageParameters),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn store_list(
    State(state): State<AppState>,
    list: List<Filter, StorePosition>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let List { limit, after, filter: Filter { keyword: words, sort }, question } = list;
    let search = StoreSearch { keyword: keyword(words.as_deref()), sort, after, limit: limit.get() };
    let found = find_stores(&state.database, search, Budget::DEFAULT).await?;
    let next_cursor = found.next.map(|position| question.cursor(&position));
    Ok(Json(Page { items: found.rows.into_iter().map(StoreBody::from).collect(), next_cursor }))
}
