use std::collections::HashMap;

use database::{Database, SharedError};
use group_commit::Work;
use uuid::Uuid;

use super::{ItemWithOptions, db};

/// Reads items by id. One statement reads all items that were asked for while an earlier statement ran.
#[derive(Debug)]
pub struct ItemsById {
    database: Database,
}

impl ItemsById {
    /// Reads from the schema `store`.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn read(&self, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, ItemWithOptions>> {
        let read = self.database.read("item_show", move |connection| {
            Box::pin(async move { db::items_with_options::find_all(connection, &ids).await })
        });
        read.await
    }
}

impl Work for ItemsById {
    type Group = ();
    type Item = Uuid;
    type Outcome = Result<Option<ItemWithOptions>, SharedError>;

    const NAME: &'static str = "items-by-id";
    /// While this process decodes the rows of one batch, the database reads the next batch.
    const AT_ONCE: usize = 2;

    fn size(waiting: usize) -> usize {
        waiting.min(32)
    }

    async fn run(&self, (): &(), ids: Vec<Uuid>) -> Vec<Self::Outcome> {
        let mut found = self.read(ids.clone()).await.map_err(SharedError::from);
        let of_one = |(index, id)| match &mut found {
            Ok(found) if ids[index + 1..].contains(id) => Ok(found.get(id).cloned()),
            Ok(found) => Ok(found.remove(id)),
            Err(error) => Err(error.clone()),
        };
        ids.iter().enumerate().map(of_one).collect()
    }
}
