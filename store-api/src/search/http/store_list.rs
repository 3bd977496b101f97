//! `GET /api/store/stores`: find stores.

use axum::extract::State;
use garde::Validate;
use paging::{Cursor, Limit, Page};
use problem::{Code, Json, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::keyword::{is_keyword, keyword};
use crate::search::{Budget, StoreKey, StorePosition, StoreSearch, StoreSort, find_stores};
use crate::state::AppState;
use crate::stores::http::bodies::StoreBody;

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only stores that have every one of these words in their name. A word may be a part of a longer word. Case, width
    /// and Unicode form make no difference. At most 10 words.
    #[garde(inner(custom(is_keyword)))]
    #[param(max_length = 100, example = "달콤")]
    keyword: Option<String>,
    /// The order of the list.
    #[garde(skip)]
    #[param(inline)]
    sort: Option<StoreSort>,
    #[garde(skip)]
    #[param(inline)]
    limit: Option<Limit>,
    #[garde(skip)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// The cursor: the next page begins after this store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    stores: StoreSort,
    key: Key,
    number: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Count(i64),
    Name(String),
}

impl After {
    fn new(sort: StoreSort, StorePosition { key, number }: StorePosition) -> Self {
        let key = match key {
            StoreKey::Count(count) => Key::Count(count),
            StoreKey::Name(name) => Key::Name(name),
        };
        Self { stores: sort, key, number }
    }

    fn position(self, sort: StoreSort) -> Result<StorePosition, Problem> {
        let key = match (self.key, sort) {
            _ if self.stores != sort => return Err(Problem::new(Code::BadCursor)),
            (Key::Name(name), StoreSort::Name) => StoreKey::Name(name),
            (Key::Count(count), StoreSort::Latest | StoreSort::Followers) => StoreKey::Count(count),
            _ => return Err(Problem::new(Code::BadCursor)),
        };
        Ok(StorePosition { key, number: self.number })
    }
}

problem::refusals!(Refusals: InvalidParameter, BadCursor);

/// Find stores
///
/// A page may have fewer stores than `limit`, or none, and still have a `nextCursor`: a search that takes too long
/// continues on the next page.
#[utoipa::path(
    get,
    path = "/api/store/stores",
    tag = "stores",
    params(ListQuery),
    responses((status = OK, description = "A page of stores", body = Page<StoreBody>), Refusals)
)]
pub(crate) async fn store_list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<StoreBody>>, Problem> {
    let sort = query.sort.unwrap_or_default();
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let after = after.map(|after| after.position(sort)).transpose()?;
    let limit = query.limit.unwrap_or_default().get();
    let search = StoreSearch { keyword: keyword(query.keyword.as_deref()), sort, after, limit };
    let found = find_stores(&state.database, search, Budget::DEFAULT).await?;
    let next_cursor = found.next.and_then(|position| Cursor::after(&After::new(sort, position)));
    Ok(Json(Page { items: found.rows.into_iter().map(StoreBody::from).collect(), next_cursor }))
}
