use database::{Connection, Database};

use super::collector::Collector;
use super::item_run::ItemRun;
use super::item_terms::ItemTerms;
use super::{Budget, Found, ItemPosition, ItemSearch, Place, db};
use crate::items::Item;
use crate::search_changes::{self, Corpus, Unindexed};

/// Finds a page of items.
pub async fn find_items(
    database: &Database,
    search: ItemSearch,
    budget: Budget,
) -> sqlx::Result<Found<Item, ItemPosition>> {
    let find = database.read("item_search", move |connection| {
        Box::pin(async move {
            if search.is_in_the_order_of_an_index() {
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
    search: &ItemSearch,
) -> sqlx::Result<Found<Item, ItemPosition>> {
    let ItemSearch { filter, sort, after, limit, .. } = search;
    let rows = db::listing::items(connection, filter, *sort, after.as_ref(), limit + 1).await?;
    Ok(Found::from_rows(rows, *limit, |last| ItemPosition::of(last, Place::BEST, *sort)))
}

async fn search_index(
    connection: &mut Connection,
    search: &ItemSearch,
    budget: Budget,
) -> sqlx::Result<Found<Item, ItemPosition>> {
    if search.keyword.finds_nothing() {
        return Ok(Found::nothing());
    }
    let Some(terms) = ItemTerms::of(connection, search).await? else { return Ok(Found::nothing()) };
    // The changes are read before the bitmaps: see `super`.
    let Unindexed { newest, numbers } = search_changes::unindexed(connection, Corpus::Items).await?;
    let collector = Collector::new(search, search.limit + 1, budget);
    let mut run = ItemRun { search, terms, budget, newest, unindexed: numbers.iter().collect(), collector };
    let end = run.run(connection).await;
    let found = run.collector.finish(connection, &numbers, end).await?;
    Ok(Found { rows: found.rows.into_iter().map(|row| row.item).collect(), next: found.next })
}
