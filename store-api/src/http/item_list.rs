//! `GET /api/store/items`: finding items.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use batching::Work;
use database::{Database, SharedError};
use garde::Validate;
use http::{HeaderValue, header};
use money::Won;
use paging::{Cursor, Limit, Page};
use problem::{Code, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::bodies::ItemBody;
use super::keyword::{is_keyword, keyword};
use super::shared;
use crate::domain::search::{ItemPlace, Rank};
use crate::domain::{Category, ItemFilter, ItemSort};
use crate::search::{Effort, ItemSearch, find_items};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only items in whose name or description every word of this stands, if only as a part of a longer word. Case,
    /// width and Unicode form make no difference. At most 10 words.
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
    /// Only items whose cheapest option costs this or more.
    #[garde(skip)]
    #[param(value_type = Option<i64>)]
    min_price: Option<Won>,
    /// Only items whose cheapest option costs this or less.
    #[garde(skip)]
    #[param(value_type = Option<i64>)]
    max_price: Option<Won>,
    /// Where it is `true`: only items of which a piece can be bought now.
    #[garde(skip)]
    in_stock: Option<bool>,
    /// In which order.
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

/// Behind which item the next page begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    items: ItemSort,
    by_text: bool,
    key: i64,
    number: i64,
}

impl After {
    fn new(sort: ItemSort, ItemPlace { rank, key, number }: ItemPlace) -> Self {
        Self { items: sort, by_text: rank == Rank::Text, key, number }
    }

    fn place(self, sort: ItemSort) -> Result<ItemPlace, Problem> {
        if self.items != sort {
            return Err(Problem::new(Code::BadCursor));
        }
        let rank = if self.by_text { Rank::Text } else { Rank::Name };
        Ok(ItemPlace { rank, key: self.key, number: self.number })
    }
}

/// Finds pages of items: one for all who wait for the same one.
#[derive(Debug)]
pub struct ItemPages {
    database: Database,
}

impl ItemPages {
    /// From the schema `store`.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The page, as it is answered.
    async fn find(&self, search: &ItemSearch) -> sqlx::Result<Bytes> {
        let found = find_items(&self.database, search.clone(), Effort::USUAL).await?;
        let next_cursor = found.next.and_then(|place| Cursor::after(&After::new(search.sort, place)));
        let page = Page { items: found.rows.into_iter().map(ItemBody::from).collect(), next_cursor };
        let body = serde_json::to_vec(&page).map_err(|error| sqlx::Error::Encode(error.into()))?;
        Ok(body.into())
    }
}

impl Work for ItemPages {
    type Group = ItemSearch;
    type Item = ();
    type Outcome = Result<Bytes, SharedError>;

    const NAME: &'static str = "item-pages";
    const AT_ONCE: usize = 2;

    async fn run(&self, search: &ItemSearch, asked: Vec<()>) -> Vec<Self::Outcome> {
        vec![self.find(search).await.map_err(SharedError::from); asked.len()]
    }
}

problem::refusals!(Refusals: InvalidParameter, BadCursor);

/// Find items
///
/// Items with every word in their name come before those with some of them only in their description; the sort orders
/// within both. A page may have fewer items than `limit`, even none, and a `nextCursor` all the same: a search that
/// would take too long goes on with the next page.
#[utoipa::path(
    get,
    path = "/api/store/items",
    tag = "items",
    params(ListQuery),
    responses((status = OK, description = "A page of items", body = Page<ItemBody>), Refusals)
)]
pub(super) async fn item_list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let sort = query.sort.unwrap_or_default();
    let after: Option<After> = query.cursor.as_ref().map(Cursor::key).transpose()?;
    let after = after.map(|after| after.place(sort)).transpose()?;
    let filter = ItemFilter {
        category: query.category,
        store_id: query.store_id,
        min_price: query.min_price,
        max_price: query.max_price,
        in_stock: query.in_stock.unwrap_or_default(),
    };
    let limit = query.limit.unwrap_or_default().get();
    let search = ItemSearch { keyword: keyword(query.keyword.as_deref()), filter, sort, after, limit };
    let page = shared(state.item_pages.ask(search, ()).await)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], page).into_response())
}
