use database::{Connection, Database};

use super::collector::Collector;
use super::store_run::StoreRun;
use super::{Budget, Fit, Found, StorePosition, StoreSearch, db};
use crate::search_changes::{self, Corpus, Unindexed};
use crate::stores::Store;

/// Finds a page of stores.
pub async fn find_stores(
    database: &Database,
    search: StoreSearch,
    budget: Budget,
) -> sqlx::Result<Found<Store, StorePosition>> {
    let find = database.read("store_search", move |connection| {
        Box::pin(async move {
            if search.keyword.is_empty() {
                read_in_order(connection, &search).await
            } else {
                search_index(connection, &search, budget).await
            }
        })
    });
    find.await
}

/// Reads the page straight from the table, in the order of one of its indexes.
async fn read_in_order(
    connection: &mut Connection,
    search: &StoreSearch,
) -> sqlx::Result<Found<Store, StorePosition>> {
    let StoreSearch { sort, after, limit, .. } = search;
    let rows = db::listing::stores(connection, *sort, after.as_ref(), limit + 1).await?;
    Ok(Found::from_rows(rows, *limit, |last| StorePosition::of(last, Fit::Exact, *sort)))
}

async fn search_index(
    connection: &mut Connection,
    search: &StoreSearch,
    budget: Budget,
) -> sqlx::Result<Found<Store, StorePosition>> {
    if search.keyword.finds_nothing() {
        return Ok(Found::nothing());
    }
    // The changes are read before the bitmaps: see `super`.
    let Unindexed { newest, numbers } = search_changes::unindexed(connection, Corpus::Stores).await?;
    let collector = Collector::new(search, search.limit + 1, budget);
    let mut run = StoreRun { search, budget, newest, unindexed: numbers.iter().collect(), collector };
    let end = run.run(connection).await;
    run.collector.finish(connection, &numbers, end).await
}
