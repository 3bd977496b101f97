//! `GET /api/store/items/{itemId}`: one item.

use std::collections::HashMap;

use axum::extract::State;
use batching::Work;
use database::{Database, SharedError};
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use super::bodies::WholeItemBody;
use super::shared;
use super::version::{Tagged, tagged};
use crate::db;
use crate::domain::ItemWithOptions;
use crate::state::AppState;

/// Reads items by id: in one statement those that are asked for while others are read.
#[derive(Debug)]
pub struct ItemsById {
    database: Database,
}

impl ItemsById {
    /// From the schema `store`.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn read(&self, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, ItemWithOptions>> {
        let read = self
            .database
            .read("item_show", move |db| Box::pin(async move { db::whole_items::find_all(db, &ids).await }));
        read.await
    }
}

impl Work for ItemsById {
    type Group = ();
    type Item = Uuid;
    type Outcome = Result<Option<ItemWithOptions>, SharedError>;

    const NAME: &'static str = "items-by-id";
    /// While the rows of one batch are unpacked here, the database reads the next one.
    const AT_ONCE: usize = 2;

    fn size(waiting: usize) -> usize {
        waiting.min(32)
    }

    async fn run(&self, (): &(), ids: Vec<Uuid>) -> Vec<Self::Outcome> {
        let mut found = self.read(ids.clone()).await.map_err(SharedError::from);
        let of_one = |(place, id)| match &mut found {
            Ok(found) if ids[place + 1..].contains(id) => Ok(found.get(id).cloned()),
            Ok(found) => Ok(found.remove(id)),
            Err(error) => Err(error.clone()),
        };
        ids.iter().enumerate().map(of_one).collect()
    }
}

problem::refusals!(Refusals: InvalidParameter, NotFound);

/// Show an item
#[utoipa::path(
    get,
    path = "/api/store/items/{itemId}",
    tag = "items",
    params(("itemId" = Uuid, Path)),
    responses(
        (status = OK, description = "The item", body = WholeItemBody, headers(("ETag" = String, description = "Its version"))),
        Refusals
    )
)]
pub(super) async fn item_show(
    State(state): State<AppState>,
    Path(item_id): Path<Uuid>,
) -> Result<Tagged<Json<WholeItemBody>>, Problem> {
    let shown = shared(state.items_by_id.ask((), item_id).await)?;
    let shown = shown.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(tagged(shown.item.version, Json(shown.into())))
}
