use database::{Connection, Database};

use super::collector::{Found, Harvest};
use super::item_run::Hunt;
use super::item_terms::Terms;
use super::{Effort, ItemPlace, ItemSearch, Rank, db};
use crate::items::Item;
use crate::search_changes::{self, Corpus, Known};

/// Finds a page of items.
pub async fn find_items(
    database: &Database,
    search: ItemSearch,
    effort: Effort,
) -> sqlx::Result<Found<Item, ItemPlace>> {
    let find = database.read("item_search", move |db| {
        Box::pin(async move {
            if search.is_in_the_order_of_an_index() {
                read_in_order(db, &search).await
            } else {
                look_for(db, &search, effort).await
            }
        })
    });
    find.await
}

async fn look_for(
    db: &mut Connection,
    search: &ItemSearch,
    effort: Effort,
) -> sqlx::Result<Found<Item, ItemPlace>> {
    let Some(terms) = Terms::of(db, search).await? else {
        return Ok(Found { rows: Vec::new(), next: None });
    };
    // The notes before the bitmaps: see `super`.
    let Known { newest, unindexed } = search_changes::known(db, Corpus::Items).await?;
    let harvest = Harvest::new(search, search.limit + 1, effort);
    let mut hunt = Hunt { search, terms, effort, newest, unindexed: unindexed.iter().collect(), harvest };
    let end = hunt.run(db).await?;
    let found = hunt.harvest.finish(db, &unindexed, end).await?;
    Ok(Found { rows: found.rows.into_iter().map(|row| row.item).collect(), next: found.next })
}

async fn read_in_order(db: &mut Connection, search: &ItemSearch) -> sqlx::Result<Found<Item, ItemPlace>> {
    let ItemSearch { filter, sort, after, limit, .. } = search;
    let mut rows = db::listing::items(db, filter, *sort, after.as_ref(), limit + 1).await?;
    let has_more = rows.len() > *limit as usize;
    rows.truncate(*limit as usize);
    let next = rows.last().filter(|_| has_more).map(|last| ItemPlace::of(last, Rank::Name, *sort));
    Ok(Found { rows, next })
}
