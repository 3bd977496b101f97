//! Answers with a page of items. Requests that wait for the same page share one answer.

use axum::body::Bytes;
use database::{Database, SharedError};
use group_commit::Work;
use paging::{Page, Question};

use super::{Budget, ItemSearch, find_items};
use crate::items::http::bodies::ItemBody;

/// The page that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemPage {
    /// The search.
    pub search: ItemSearch,
    /// What the client has asked, for the cursor in the answer. Two questions may come to the same search, but a cursor
    /// belongs to one of them.
    pub question: Question,
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
    async fn find(&self, page: &ItemPage) -> sqlx::Result<Bytes> {
        let found = find_items(&self.database, page.search.clone(), Budget::DEFAULT).await?;
        let next_cursor = found.next.map(|position| page.question.cursor(&position));
        let page = Page { items: found.rows.into_iter().map(ItemBody::from).collect(), next_cursor };
        let body = serde_json::to_vec(&page).map_err(|error| sqlx::Error::Encode(error.into()))?;
        Ok(body.into())
    }
}

impl Work for ItemPages {
    type Group = ItemPage;
    type Item = ();
    type Outcome = Result<Bytes, SharedError>;

    const NAME: &'static str = "item-pages";
    const AT_ONCE: usize = 2;

    async fn run(&self, page: &ItemPage, asked: Vec<()>) -> Vec<Self::Outcome> {
        vec![self.find(page).await.map_err(SharedError::from); asked.len()]
    }
}
