//! A believable catalogue for demonstrations and measurements: the same one for the same seed number.
//!
//! Rows are written in bulk, past the notes of changes, and the search index is made anew at the end. What is counted
//! is there to be counted: every heart and follow is a row, and what was sold was reserved and confirmed, by orders and
//! members of whom no other service knows.

mod catalogue;
mod words;

use database::Database;
use sqlx::MySqlConnection;

use crate::db;
use crate::search::{RebuildError, rebuild};

pub use catalogue::{Catalogue, SownItem, SownStore};

/// So many stores or items are written in one transaction.
const ROWS_AT_ONCE: u32 = 500;

/// What is to be sown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many stores.
    pub stores: u32,
    /// How many items, spread over the stores.
    pub items: u32,
    /// Another number gives another catalogue.
    pub seed: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many stores are there.
    Stores(u32),
    /// So many items are there.
    Items(u32),
    /// So many of so many numbers are in the search index.
    Indexed(u32, u32),
}

/// Why nothing, or not all, was sown.
#[derive(Debug, thiserror::Error)]
pub enum SowError {
    /// Items need a store.
    #[error("items can't be sown without a store")]
    NoStores,
    /// There are stores of this seed number, or of these names.
    #[error(
        "the catalogue of seed {0} has been sown already, or one of its names is taken: choose another seed"
    )]
    SownAlready(u64),
    /// The database failed.
    #[error("sowing failed in the database")]
    Database(#[from] sqlx::Error),
    /// The search index was not made.
    #[error("the search index was not made")]
    Index(#[from] RebuildError),
}

/// Sows a catalogue. `progress` is told how far it is, again and again.
pub async fn sow(
    database: &Database,
    plan: Plan,
    mut progress: impl FnMut(Progress),
) -> Result<(), SowError> {
    if plan.stores == 0 && plan.items > 0 {
        return Err(SowError::NoStores);
    }
    let mut catalogue = Catalogue::new(plan);
    let mut written = 0;
    while written < plan.stores {
        let batch = catalogue.stores(ROWS_AT_ONCE.min(plan.stores - written));
        written += count(&batch);
        write(database, plan, batch, |tx, stores| Box::pin(db::seeding::insert_stores(tx, stores))).await?;
        progress(Progress::Stores(written));
    }
    written = 0;
    while written < plan.items {
        let batch = catalogue.items(ROWS_AT_ONCE.min(plan.items - written));
        written += count(&batch);
        write(database, plan, batch, |tx, items| Box::pin(db::seeding::insert_items(tx, items))).await?;
        progress(Progress::Items(written));
    }
    rebuild(database, |_, done, all| progress(Progress::Indexed(done, all))).await?;
    Ok(())
}

fn count<T>(batch: &[T]) -> u32 {
    u32::try_from(batch.len()).unwrap_or(u32::MAX)
}

type Insert<T> = for<'c> fn(&'c mut MySqlConnection, &'c [T]) -> database::TxFuture<'c, (), sqlx::Error>;

async fn write<T: Send + Sync + 'static>(
    database: &Database,
    plan: Plan,
    batch: Vec<T>,
    insert: Insert<T>,
) -> Result<(), SowError> {
    let batch = std::sync::Arc::new(batch);
    let written = database
        .run_tx("sow", move |tx| {
            let batch = std::sync::Arc::clone(&batch);
            Box::pin(async move { insert(tx, &batch).await })
        })
        .await;
    written.map_err(|error| match database::duplicate_key(&error) {
        Some(_) => SowError::SownAlready(plan.seed),
        None => SowError::Database(error),
    })
}
