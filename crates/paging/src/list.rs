use std::marker::PhantomData;

use axum::extract::{FromRequestParts, OriginalUri};
use garde::Validate;
use http::request::Parts;
use problem::{Parameters, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{Limit, Page, Position, Question};

/// A request for a page of a list that everybody sees.
///
/// `F` is the filter, with the sort if there is one: all parameters of the query besides `limit` and `cursor`. `P` is the
/// [position](Position) that a cursor holds: the sort key of the last row that was shown, for example a number or a
/// [`crate::TimePosition`].
///
/// A cursor belongs to its list (the path of the request), filter and sort. Another list refuses it with 400 `BAD_CURSOR`, as
/// it refuses one that is made up. An empty cursor means the first page.
///
/// ```
/// use paging::{List, Page};
/// use problem::Json;
/// # #[derive(serde::Deserialize, serde::Serialize, garde::Validate)]
/// # struct Filter {}
/// # fn numbers(_: &Filter, after: i64, rows: u32) -> Vec<i64> { (after + 1..).take(rows as usize).collect() }
///
/// async fn number_list(list: List<Filter, i64>) -> Json<Page<i64>> {
///     let rows = numbers(&list.filter, list.after.unwrap_or(0), list.rows_to_fetch());
///     Json(list.page(rows, |last| *last))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct List<F, P> {
    /// How many items to show.
    pub limit: Limit,
    /// The position behind which the page begins; `None` for the first page.
    pub after: Option<P>,
    /// What to show, and in which order.
    pub filter: F,
    /// What was asked, for cursors that are made elsewhere.
    pub question: Question,
}

/// A request for a page of a list that belongs to one owner. [`of`](Self::of) takes the owner and gives the [`List`].
#[derive(Clone, Debug)]
pub struct OwnList<F, P> {
    request: PageRequest<F>,
    position: PhantomData<fn() -> P>,
}

/// The filter of a list that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// What every list takes, for `params(…)` of its `utoipa::path`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `List` takes out of the query")]
pub struct PageParameters {
    #[param(inline)]
    limit: Option<Limit>,
    /// Where the page begins: the `nextCursor` of the page before. Without it, the list begins with its first page.
    cursor: Option<String>,
}

impl<F, P> List<F, P> {
    /// How many rows to fetch: one more than is shown. The additional one tells whether there is a next page.
    pub const fn rows_to_fetch(&self) -> u32 {
        self.limit.rows_to_fetch()
    }
}

impl<F, P: Position> List<F, P> {
    /// The page that shows these rows, as many as [`rows_to_fetch`](Self::rows_to_fetch) says, or fewer if there are no
    /// more. `position` gives the position of a row.
    pub fn page<R>(&self, rows: Vec<R>, position: impl FnOnce(&R) -> P) -> Page<R> {
        Page::of_rows(rows, self.limit, |last| self.question.cursor(&position(last)))
    }
}

impl<F: Serialize, P: Position> OwnList<F, P> {
    /// The list of this owner, for example of the member who is calling. A cursor of another owner is refused.
    pub fn of(self, owner: impl Into<Uuid>) -> Result<List<F, P>, Problem> {
        self.request.list(Some(owner.into()))
    }
}

/// The query of a list, before its cursor is opened.
#[derive(Clone, Debug)]
struct PageRequest<F> {
    path: String,
    limit: Limit,
    cursor: String,
    filter: F,
}

impl<F: DeserializeOwned + Validate<Context = ()>> PageRequest<F> {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let mut parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
        let limit = parameters.take("limit").unwrap_or_default();
        let cursor = parameters.take("cursor").unwrap_or_default();
        let filter = parameters.read()?;
        Ok(Self { path: uri.path().to_owned(), limit, cursor, filter })
    }
}

impl<F: Serialize> PageRequest<F> {
    fn list<P: Position>(self, owner: Option<Uuid>) -> Result<List<F, P>, Problem> {
        let Self { path, limit, cursor, filter } = self;
        let question = Question::new(&path, owner, &filter);
        let after = if cursor.is_empty() { None } else { Some(question.position(&cursor)?) };
        Ok(List { limit, after, filter, question })
    }
}

impl<F, P, S> FromRequestParts<S> for List<F, P>
where
    F: DeserializeOwned + Serialize + Validate<Context = ()>,
    P: Position,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        PageRequest::read(parts)?.list(None)
    }
}

impl<F, P, S> FromRequestParts<S> for OwnList<F, P>
where
    F: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self { request: PageRequest::read(parts)?, position: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use problem::Code;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Filter {
        #[garde(range(min = 0))]
        max_price: Option<i64>,
        #[garde(skip)]
        #[serde(default)]
        sort: Sort,
    }

    #[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        #[default]
        Latest,
        Popular,
    }

    async fn extracted<T: FromRequestParts<(), Rejection = Problem>>(uri: &str) -> Result<T, Problem> {
        let (mut parts, ()) = Request::get(uri).body(()).expect("it is a request").into_parts();
        T::from_request_parts(&mut parts, &()).await
    }

    async fn list(uri: &str) -> Result<List<Filter, i64>, Problem> {
        extracted(uri).await
    }

    async fn own_list(uri: &str, owner: u128) -> Result<List<NoFilter, i64>, Problem> {
        extracted::<OwnList<_, _>>(uri).await?.of(Uuid::from_u128(owner))
    }

    /// The cursor that points behind the row 8.
    async fn cursor_of(uri: &str) -> String {
        let list = list(uri).await.expect("it has no fault");
        let rows: Vec<i64> =
            (1..=i64::from(list.rows_to_fetch())).map(|row| row + 8 - i64::from(list.limit.get())).collect();
        list.page(rows, |row| *row).next_cursor.expect("there is one row more")
    }

    #[tokio::test]
    async fn limit_and_cursor_are_taken_off_before_the_filter_is_read() {
        let first = list("/items?limit=3&maxPrice=7&cursor=&sort=popular").await.expect("it has no fault");
        assert_eq!((first.limit.get(), first.rows_to_fetch(), first.after), (3, 4, None));
        assert_eq!(first.filter, Filter { max_price: Some(7), sort: Sort::Popular });
        let bare = list("/items").await.expect("it has no fault");
        assert_eq!((bare.limit, bare.after), (Limit::default(), None));
    }

    #[tokio::test]
    async fn a_full_page_points_behind_its_last_item_and_the_last_page_to_nothing() {
        let list = list("/items?limit=2").await.expect("it has no fault");
        let page = list.page(vec![7, 8, 9], |row| *row);
        assert_eq!(page.items, [7, 8]);
        let next = page.next_cursor.expect("there is one row more");
        let next = self::list(&format!("/items?limit=5&cursor={next}")).await.expect("the cursor is its own");
        assert_eq!((next.after, next.limit.get()), (Some(8), 5));
        assert_eq!(list.page(vec![7, 8], |row| *row).next_cursor, None);
        assert_eq!(list.page(Vec::new(), |row| *row).next_cursor, None);
    }

    #[tokio::test]
    async fn every_fault_of_the_query_is_reported_at_once() {
        let refused =
            list("/items?limit=0&maxPrice=-1&color=red&sort=a&sort=b").await.expect_err("it has faults");
        assert_eq!(refused.code(), Some(Code::InvalidParameter));
        let pointers: Vec<&str> = refused.body().errors.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/sort", "/limit", "/color", "/maxPrice"]);
        for query in ["limit=101", "limit=1&limit=1", "limit=%ff", "cursor=%ff", "cursor=a&cursor=a", "x=1"] {
            let refused = own_list(&format!("/items?{query}"), 1).await.expect_err("it has a fault");
            assert_eq!(refused.code(), Some(Code::InvalidParameter), "{query}");
        }
    }

    #[tokio::test]
    async fn a_cursor_belongs_to_its_list_filter_and_sort() {
        let cursor = cursor_of("/items?maxPrice=7").await;
        for same in ["/items?maxPrice=7", "/items?sort=latest&maxPrice=007&limit=9"] {
            let list = list(&format!("{same}&cursor={cursor}")).await.expect("it is the same question");
            assert_eq!(list.after, Some(8), "{same}");
        }
        for other in
            ["/items?maxPrice=8", "/items?sort=popular&maxPrice=7", "/items?limit=20", "/stores?maxPrice=7"]
        {
            let refused =
                list(&format!("{other}&cursor={cursor}")).await.expect_err("it is another question");
            assert_eq!(refused.code(), Some(Code::BadCursor), "{other}");
        }
        let made_up = list("/items?cursor=e30").await.expect_err("it is made up");
        assert_eq!(made_up.code(), Some(Code::BadCursor));
    }

    #[tokio::test]
    async fn a_cursor_belongs_to_its_owner() {
        let list = own_list("/me/items?limit=1", 1).await.expect("it has no fault");
        let cursor = list.page(vec![8, 9], |row| *row).next_cursor.expect("there is one row more");
        let own = own_list(&format!("/me/items?cursor={cursor}"), 1).await.expect("the cursor is its own");
        assert_eq!(own.after, Some(8));
        let refused =
            own_list(&format!("/me/items?cursor={cursor}"), 2).await.expect_err("it is of another member");
        assert_eq!(refused.code(), Some(Code::BadCursor));
    }
}
