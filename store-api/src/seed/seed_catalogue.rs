use std::sync::Arc;

use database::Connection;
use database::{Database, TxFuture};
use uuid::Uuid;

use super::{Catalogue, Plan, Progress, SeedItem, SeedStore, db};
use crate::search::{RebuildError, rebuild_from};
use crate::search_changes::Corpus;

/// So many stores or items are written in one transaction.
const ROWS_AT_ONCE: u32 = 512;

/// Why nothing, or not all, was sown.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Items need a store.
    #[error("items can't be sown without a store")]
    NoStores,
    /// The seed number was used with other numbers of stores or items.
    #[error("seed {0} was sown before with another number of stores or items: choose another seed")]
    AnotherPlan(u64),
    /// There are stores of these names.
    #[error("a store has a name that the catalogue of seed {0} needs: choose another seed")]
    NameTaken(u64),
    /// The database failed.
    #[error("sowing failed in the database")]
    Database(#[from] sqlx::Error),
    /// The search index was not made.
    #[error("the search index was not made")]
    Index(#[from] RebuildError),
}

/// Sows a catalogue, or what is missing of it. `progress` is told how far it is, again and again.
pub async fn sow(
    database: &Database,
    plan: Plan,
    mut progress: impl FnMut(Progress),
) -> Result<(), SeedError> {
    if plan.stores == 0 && plan.items > 0 {
        return Err(SeedError::NoStores);
    }
    let mut catalogue = Catalogue::new(plan);
    let mut field = Field { database, plan, may_be_there: true };
    let mut done = 0;
    while done < plan.stores {
        let batch = catalogue.stores(ROWS_AT_ONCE.min(plan.stores - done));
        done += count(&batch);
        field.sow(batch).await?;
        progress(Progress::Stores(done));
    }
    let mut first_item = None;
    done = 0;
    while done < plan.items {
        let batch = catalogue.items(ROWS_AT_ONCE.min(plan.items - done));
        done += count(&batch);
        first_item = first_item.or_else(|| batch.first().map(|item| item.id));
        field.sow(batch).await?;
        progress(Progress::Items(done));
    }
    // An index that an interrupted run left behind is made anew as well: it costs little beside the rows.
    rebuild_from(database, Corpus::Stores, 1, |_, _| {}).await?;
    if let Some(first) = first_item {
        let find = database.read("seed_first_item", move |db| Box::pin(db::item_number(db, first)));
        let first = find.await?;
        rebuild_from(database, Corpus::Items, first, |done, all| progress(Progress::Indexed(done, all)))
            .await?;
    }
    Ok(())
}

/// Stores or items that are written together.
trait Seeds: Send + Sync + Sized + 'static {
    fn id(&self) -> Uuid;

    /// How many of these are there.
    fn count<'c>(db: &'c mut Connection, ids: &'c [Uuid]) -> TxFuture<'c, usize, sqlx::Error>;

    fn insert<'c>(db: &'c mut Connection, batch: &'c [Self]) -> TxFuture<'c, (), sqlx::Error>;
}

impl Seeds for SeedStore {
    fn id(&self) -> Uuid {
        self.id
    }

    fn count<'c>(db: &'c mut Connection, ids: &'c [Uuid]) -> TxFuture<'c, usize, sqlx::Error> {
        Box::pin(db::count_stores(db, ids))
    }

    fn insert<'c>(db: &'c mut Connection, batch: &'c [Self]) -> TxFuture<'c, (), sqlx::Error> {
        Box::pin(db::insert_stores(db, batch))
    }
}

impl Seeds for SeedItem {
    fn id(&self) -> Uuid {
        self.id
    }

    fn count<'c>(db: &'c mut Connection, ids: &'c [Uuid]) -> TxFuture<'c, usize, sqlx::Error> {
        Box::pin(db::count_items(db, ids))
    }

    fn insert<'c>(db: &'c mut Connection, batch: &'c [Self]) -> TxFuture<'c, (), sqlx::Error> {
        Box::pin(db::insert_items(db, batch))
    }
}

/// Where a catalogue is sown.
struct Field<'d> {
    database: &'d Database,
    plan: Plan,
    /// Whether an earlier run may have written what comes next. Batches are written in order, each in one transaction:
    /// behind the first that is missing, nothing is there.
    may_be_there: bool,
}

impl Field<'_> {
    async fn sow<S: Seeds>(&mut self, batch: Vec<S>) -> Result<(), SeedError> {
        let seed = self.plan.seed;
        if self.may_be_there {
            let ids: Vec<Uuid> = batch.iter().map(S::id).collect();
            let count =
                self.database.read("seed_count", move |db| Box::pin(async move { S::count(db, &ids).await }));
            let there = count.await?;
            if there == batch.len() {
                return Ok(());
            }
            if there > 0 {
                return Err(SeedError::AnotherPlan(seed));
            }
            self.may_be_there = false;
        }
        let batch = Arc::new(batch);
        let written = self.database.run_tx("sow", move |tx| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { S::insert(tx, &batch).await })
        });
        written.await.map_err(|error| match database::duplicate_key(&error) {
            Some(_) => SeedError::NameTaken(seed),
            None => SeedError::Database(error),
        })
    }
}

fn count<T>(batch: &[T]) -> u32 {
    u32::try_from(batch.len()).unwrap_or(u32::MAX)
}
