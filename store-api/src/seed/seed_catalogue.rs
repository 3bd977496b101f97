use database::Database;
use uuid::Uuid;

use super::db::{self, SeedRow};
use super::{Catalogue, Plan, Progress};
use crate::search::{RebuildError, rebuild_from, renew};
use crate::search_changes::Corpus;
use crate::shared::run_tx_with;

/// One transaction writes this many stores or items.
const ROWS_AT_ONCE: u32 = 512;

/// Why a catalogue was not written, or not completely.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Items need a store.
    #[error("items can't be seeded without a store")]
    NoStores,
    /// The seed number was used with other numbers of stores or items.
    #[error("seed {0} was used before with another number of stores or items: choose another seed")]
    AnotherPlan(u64),
    /// A store has a name of the catalogue.
    #[error("a store has a name that the catalogue of seed {0} needs: choose another seed")]
    NameTaken(u64),
    /// The database failed.
    #[error("seeding failed in the database")]
    Database(#[from] sqlx::Error),
    /// The search index was not built.
    #[error("the search index was not built")]
    Index(#[from] RebuildError),
}

/// Writes a catalogue, or the missing part of it. `progress` is called again and again.
pub async fn seed_catalogue(
    database: &Database,
    plan: Plan,
    mut progress: impl FnMut(Progress),
) -> Result<(), SeedError> {
    if plan.stores == 0 && plan.items > 0 {
        return Err(SeedError::NoStores);
    }
    // An index of an older form is rebuilt first, while it has few blocks.
    renew(database).await?;
    let mut catalogue = Catalogue::new(plan);
    let mut writer = Writer { database, seed: plan.seed, may_exist: true };
    let mut done = 0;
    while done < plan.stores {
        let batch = catalogue.stores(ROWS_AT_ONCE.min(plan.stores - done));
        done += size(&batch);
        writer.write(batch).await?;
        progress(Progress::Stores(done));
    }
    let mut first_item = None;
    done = 0;
    while done < plan.items {
        let batch = catalogue.items(ROWS_AT_ONCE.min(plan.items - done));
        done += size(&batch);
        first_item = first_item.or_else(|| batch.first().map(|item| item.id));
        writer.write(batch).await?;
        progress(Progress::Items(done));
    }
    // The index is built even if all rows existed: an interrupted run may have left it incomplete, and it costs little.
    rebuild_from(database, Corpus::Stores, 1, |_, _| {}).await?;
    if let Some(first) = first_item {
        let find =
            database.read("seed_first_item", move |connection| Box::pin(db::item_number(connection, first)));
        let first = find.await?;
        rebuild_from(database, Corpus::Items, first, |done, all| progress(Progress::Indexed(done, all)))
            .await?;
    }
    Ok(())
}

/// Writes the batches of a catalogue.
struct Writer<'d> {
    database: &'d Database,
    seed: u64,
    /// Whether an earlier run may have written the next batch. Batches are written in order, each in one transaction. So
    /// after the first missing batch, no further batch exists.
    may_exist: bool,
}

impl Writer<'_> {
    /// Writes a batch, if an earlier run has not written it.
    async fn write<R: SeedRow>(&mut self, batch: Vec<R>) -> Result<(), SeedError> {
        let seed = self.seed;
        if self.may_exist {
            let ids: Vec<Uuid> = batch.iter().map(R::id).collect();
            let count = self.database.read("seed_count", move |connection| {
                Box::pin(async move { db::count::<R>(connection, &ids).await })
            });
            let existing = count.await?;
            if existing == batch.len() {
                return Ok(());
            }
            if existing > 0 {
                return Err(SeedError::AnotherPlan(seed));
            }
            self.may_exist = false;
        }
        let written = run_tx_with(self.database, "seed", batch, |connection, batch| {
            Box::pin(R::insert(connection, batch))
        });
        written.await.map_err(|error| match database::duplicate_key(&error) {
            Some(_) => SeedError::NameTaken(seed),
            None => SeedError::Database(error),
        })
    }
}

fn size<R>(batch: &[R]) -> u32 {
    u32::try_from(batch.len()).unwrap_or(u32::MAX)
}
