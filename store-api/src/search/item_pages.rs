//! Answers with a page of items. Requests that wait for the same page share one answer.

use axum::body::Bytes;
use database::{Database, SharedError};
use group_commit::Work;
use paging::{Cursor, Page};
use problem::{Code, Problem};
use serde::{Deserialize, Serialize};

use super::{Budget, ItemPosition, ItemSearch, ItemSort, Rank, find_items};
use crate::items::http::bodies::ItemBody;

/// The cursor: the next page begins after this item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    items: ItemSort,
    by_text: bool,
    key: i64,
    number: i64,
}

impl After {
    fn new(sort: ItemSort, ItemPosition { rank, key, number }: ItemPosition) -> Self {
        Self { items: sort, by_text: rank == Rank::Text, key, number }
    }

    pub(crate) fn position(self, sort: ItemSort) -> Result<ItemPosition, Problem> {
        if self.items != sort {
            return Err(Problem::new(Code::BadCursor));
        }
        let rank = if self.by_text { Rank::Text } else { Rank::Name };
        Ok(ItemPosition { rank, key: self.key, number: self.number })
    }
}

/// Finds a page of items, once for all requests that wait for it.
#[derive(Debug)]
pub struct ItemPages {
    database: Database,
}

impl ItemPages {
    /// Reads from the schema `store`.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The body of the answer.
    async fn find(&self, search: &ItemSearch) -> sqlx::Result<Bytes> {
        let found = find_items(&self.database, search.clone(), Budget::DEFAULT).await?;
        let next_cursor = found.next.and_then(|position| Cursor::after(&After::new(search.sort, position)));
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
