//! Rebuilds the index from the rows: after rows were written in bulk, or if the index may be wrong.

use std::collections::HashMap;
use std::time::Duration;

use database::{Connection, Database};
use roaring::RoaringBitmap;
use strum::VariantArray;

use super::db::blocks::{block_of, numbers_of};
use super::{IndexError, Term, db, each_text_term, index_changes};
use crate::items::db::items;
use crate::search_changes::{self, Corpus, FORM, IndexForm};
use crate::stores::db::stores;

/// One statement reads this many rows.
const ROWS_AT_ONCE: u32 = 5_000;

/// While another instance writes the index, this one looks again after a pause.
const RENEWAL_PAUSE: Duration = Duration::from_millis(100);

/// The index was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The database failed.
    #[error("rebuilding the search index failed in the database")]
    Database(#[from] sqlx::Error),
    /// A newer build has given the index another form.
    #[error("the search index has the form of a newer build, which has to rebuild it")]
    NewerForm,
}

/// Rebuilds the index, block by block. Each block is one transaction, and searches go on meanwhile. After each block,
/// `progress` gets the count of numbers that are done and the count of all numbers.
pub async fn rebuild(
    database: &Database,
    mut progress: impl FnMut(Corpus, u32, u32),
) -> Result<(), RebuildError> {
    renew(database).await?;
    for corpus in Corpus::VARIANTS.iter().copied() {
        rebuild_from(database, corpus, 1, |done, all| progress(corpus, done, all)).await?;
    }
    Ok(())
}

/// Like [`rebuild`], for one corpus and only from the block of the number `first` on.
pub async fn rebuild_from(
    database: &Database,
    corpus: Corpus,
    first: u32,
    mut progress: impl FnMut(u32, u32),
) -> Result<(), RebuildError> {
    let newest = database.read("newest_number", move |connection| {
        Box::pin(async move {
            match corpus {
                Corpus::Items => items::newest_number(connection).await,
                Corpus::Stores => stores::newest_number(connection).await,
            }
        })
    });
    let Some(newest) = newest.await? else { return Ok(()) };
    for block in block_of(first)..=block_of(newest) {
        database
            .run_tx("rebuild_search_block", move |connection| {
                Box::pin(async move {
                    if !search_changes::lock_writer(connection).await? {
                        return Err(RebuildError::NewerForm);
                    }
                    Ok(rebuild_block(connection, corpus, block).await?)
                })
            })
            .await?;
        let done = (*numbers_of(block).end()).min(newest);
        progress((done + 1).saturating_sub(first), (newest + 1).saturating_sub(first));
    }
    Ok(())
}

/// Rebuilds a block. The caller holds the writer's lock, and has read nothing before it in this transaction. So this sees all that
/// was committed before the lock.
async fn rebuild_block(connection: &mut Connection, corpus: Corpus, block: u32) -> sqlx::Result<()> {
    let members = match corpus {
        Corpus::Items => items_of(connection, block).await?,
        Corpus::Stores => stores_of(connection, block).await?,
    };
    db::blocks::delete_block(connection, corpus, block).await?;
    let mut members: Vec<(Term, RoaringBitmap)> =
        members.into_iter().map(|(term, members)| (Term::from_bytes(term), members)).collect();
    // In the order of the primary key.
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    db::blocks::replace(connection, block, members.iter().map(|(term, members)| (term, members))).await
}

/// What one step of [`renew`] has found.
enum Renewal {
    /// Every block has the form of this build, or the index has the form of a newer build.
    Done,
    /// A block had an older form, and was rebuilt.
    Block,
    /// Another transaction writes the index.
    Busy,
}

/// Rebuilds the index in the form of this build, if it has an older form. Every instance does this before it serves, so that a
/// search never reads a form that it does not know. Meanwhile builds of the older form serve, and can read both forms. Several
/// instances share the work, block by block. If the process dies, its finished blocks stay.
pub async fn renew(database: &Database) -> Result<(), RebuildError> {
    loop {
        let step = database.run_tx("renew_search_block", |connection| Box::pin(renew_next(connection)));
        match step.await? {
            Renewal::Done => return Ok(()),
            // Builds of the older form do not write the index any more, so this one indexes their changes too.
            Renewal::Block => drop(index_changes(database).await.map_err(|IndexError(error)| error)?),
            Renewal::Busy => tokio::time::sleep(RENEWAL_PAUSE).await,
        }
    }
}

async fn renew_next(connection: &mut Connection) -> Result<Renewal, RebuildError> {
    let Some(mut index) = search_changes::try_lock_form(connection).await? else { return Ok(Renewal::Busy) };
    if index.form < FORM {
        let blocks = |newest: Option<u32>| newest.map_or(0, |newest| block_of(newest) + 1);
        index = IndexForm {
            form: FORM,
            item_blocks_left: blocks(items::newest_number(connection).await?),
            store_blocks_left: blocks(stores::newest_number(connection).await?),
        };
        search_changes::set_form(connection, index).await?;
        tracing::info!(?index, "the search index gets a new form");
    }
    let (corpus, left) = match &mut index {
        IndexForm { form, .. } if *form != FORM => return Ok(Renewal::Done),
        IndexForm { store_blocks_left: left @ 1.., .. } => (Corpus::Stores, left),
        IndexForm { item_blocks_left: left @ 1.., .. } => (Corpus::Items, left),
        _ => return Ok(Renewal::Done),
    };
    *left -= 1;
    let block = *left;
    rebuild_block(connection, corpus, block).await?;
    search_changes::set_form(connection, index).await?;
    Ok(Renewal::Block)
}

type Members = HashMap<Vec<u8>, RoaringBitmap>;

fn add(members: &mut Members, term: &[u8], number: u32) {
    match members.get_mut(term) {
        Some(known) => drop(known.insert(number)),
        None => drop(members.insert(term.to_vec(), RoaringBitmap::from_iter([number]))),
    }
}

async fn items_of(connection: &mut Connection, block: u32) -> sqlx::Result<Members> {
    let mut members = Members::new();
    let (mut from, to) = numbers_of(block).into_inner();
    loop {
        let items = db::documents::live_items(connection, from..=to, ROWS_AT_ONCE).await?;
        for item in &items {
            each_text_term(Corpus::Items, &item.name, &item.description, |term| {
                add(&mut members, term, item.number);
            });
            for term in item.facts.terms() {
                add(&mut members, term.as_bytes(), item.number);
            }
        }
        match items.last() {
            Some(last) if last.number < to => from = last.number + 1,
            _ => return Ok(members),
        }
    }
}

async fn stores_of(connection: &mut Connection, block: u32) -> sqlx::Result<Members> {
    let mut members = Members::new();
    let (mut from, to) = numbers_of(block).into_inner();
    loop {
        let stores = db::documents::live_stores(connection, from..=to, ROWS_AT_ONCE).await?;
        for store in &stores {
            each_text_term(Corpus::Stores, &store.name, "", |term| add(&mut members, term, store.number));
        }
        match stores.last() {
            Some(last) if last.number < to => from = last.number + 1,
            _ => return Ok(members),
        }
    }
}
