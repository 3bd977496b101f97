//! Rebuilds the index from the rows: after rows were written in bulk, or if the index may be wrong.

use std::collections::HashMap;

use database::{Connection, Database};
use roaring::RoaringBitmap;
use strum::VariantArray;

use super::db::blocks::{block_of, numbers_of};
use super::index_writer::each_text_of;
use super::{Term, db};
use crate::items::db::items;
use crate::search_changes::{self, Corpus};
use crate::stores::db::stores;

/// One statement reads this many rows.
const ROWS_AT_ONCE: u32 = 5_000;

/// The index was not rebuilt.
#[derive(Debug, thiserror::Error)]
#[error("rebuilding the search index failed in the database")]
pub struct RebuildError(#[from] sqlx::Error);

/// Rebuilds the index, block by block. Each block is one transaction, and searches go on meanwhile. After each block,
/// `progress` gets the count of numbers that are done and the count of all numbers.
pub async fn rebuild(
    database: &Database,
    mut progress: impl FnMut(Corpus, u32, u32),
) -> Result<(), RebuildError> {
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
                Box::pin(
                    async move { Ok::<_, RebuildError>(rebuild_block(connection, corpus, block).await?) },
                )
            })
            .await?;
        let done = (*numbers_of(block).end()).min(newest);
        progress((done + 1).saturating_sub(first), (newest + 1).saturating_sub(first));
    }
    Ok(())
}

async fn rebuild_block(connection: &mut Connection, corpus: Corpus, block: u32) -> sqlx::Result<()> {
    search_changes::lock_writer(connection).await?;
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
            each_text_of(Corpus::Items, &item.name, &item.description, |term| {
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
            each_text_of(Corpus::Stores, &store.name, "", |term| add(&mut members, term, store.number));
        }
        match stores.last() {
            Some(last) if last.number < to => from = last.number + 1,
            _ => return Ok(members),
        }
    }
}
