use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Limit;

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the order that was asked for.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were fetched by [`Limit::rows_to_fetch`]. `next_cursor` makes the cursor that points behind
    /// the last row that is shown; it is called if there is a next page.
    pub(crate) fn of_rows(mut rows: Vec<T>, limit: Limit, next_cursor: impl FnOnce(&T) -> String) -> Self {
        let shown = limit.get() as usize;
        let has_more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| has_more).map(next_cursor);
        Self { items: rows, next_cursor }
    }

    /// The same page with every item turned into another type.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_cursor: self.next_cursor }
    }
}
