//! The worker that brings the index up to date with the recorded changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use database::{Connection, Database};
use jobs::{Next, Progress};
use roaring::RoaringBitmap;
use tokio_util::sync::CancellationToken;

use super::db::blocks::block_of;
use super::db::{blocks, documents};
use super::{Term, each_text_term};
use crate::search_changes::{self, Change, Corpus};

/// One transaction indexes this many changes.
const CHANGES_AT_ONCE: u32 = 500;
/// One statement reads this many terms.
const TERMS_AT_ONCE: usize = 512;

/// The index was not brought up to date.
#[derive(Debug, thiserror::Error)]
#[error("bringing the search index up to date failed in the database")]
pub struct IndexError(#[from] pub(super) sqlx::Error);

/// Brings the index up to date until `shutdown` is cancelled. Every instance runs this worker, and one at a time does the work.
/// When no change is left, there is a `pause`.
pub async fn index_worker(
    database: Database,
    pause: impl Fn() -> Duration,
    progress: Progress,
    shutdown: CancellationToken,
) {
    let index = || async { index_next(&database).await.map(|indexed| Next::at_once_if(indexed > 0)) };
    jobs::repeat_after(&progress, &shutdown, pause, index).await;
}

/// Indexes the recorded changes until none is left, or until another instance is at work. Returns how many changes it
/// has indexed.
pub async fn index_changes(database: &Database) -> Result<usize, IndexError> {
    let mut indexed = 0;
    loop {
        match index_next(database).await? {
            0 => return Ok(indexed),
            batch => indexed += batch,
        }
    }
}

/// Indexes the oldest changes, in one transaction. Returns how many.
async fn index_next(database: &Database) -> Result<usize, IndexError> {
    let batch = database
        .run_tx("index_changes", |connection| {
            Box::pin(async move { Ok::<_, IndexError>(index_batch(connection).await?) })
        })
        .await?;
    metrics::counter!("search_changes_indexed_total").increment(batch as u64);
    Ok(batch)
}

async fn index_batch(connection: &mut Connection) -> sqlx::Result<usize> {
    if !search_changes::try_lock_writer(connection).await? {
        return Ok(0);
    }
    let changes = search_changes::oldest(connection, CHANGES_AT_ONCE).await?;
    if changes.is_empty() {
        return Ok(0);
    }
    let edits = Edits::of(connection, &changes).await?;
    edits.write(connection).await?;
    search_changes::delete(connection, &changes).await?;
    Ok(changes.len())
}

/// The change of one term: which numbers get it, and which lose it.
#[derive(Debug, Default)]
struct Edit {
    add: RoaringBitmap,
    remove: RoaringBitmap,
}

/// The changes of all terms.
#[derive(Debug, Default)]
struct Edits {
    /// The edits by block, then by term.
    by_block: BTreeMap<u32, BTreeMap<Term, Edit>>,
    /// Items that lose all facts but those that `by_block` adds.
    items: RoaringBitmap,
}

impl Edits {
    async fn of(connection: &mut Connection, changes: &[Change]) -> sqlx::Result<Self> {
        let mut edits = Self::default();
        // Old terms are removed before new ones are added, so a term of both texts stays.
        for Change { corpus, number, old_text, .. } in changes {
            if let Some((name, description)) = old_text {
                for term in text_terms(*corpus, name, description) {
                    edits.remove(term, *number);
                }
            }
        }
        let numbers = |corpus| -> Vec<u32> {
            let of_corpus =
                changes.iter().filter(|change| change.corpus == corpus).map(|change| change.number);
            of_corpus.collect::<BTreeSet<u32>>().into_iter().collect()
        };
        let with_words: BTreeSet<u32> = changes
            .iter()
            .filter(|change| change.corpus == Corpus::Items && !change.only_facts)
            .map(|change| change.number)
            .collect();
        for item in documents::items(connection, &numbers(Corpus::Items)).await? {
            edits.items.insert(item.number);
            let mut terms = item.facts.terms();
            if with_words.contains(&item.number) {
                terms.extend(text_terms(Corpus::Items, &item.name, &item.description));
            }
            for term in terms {
                edits.set(term, item.number, item.is_live);
            }
        }
        for store in documents::stores(connection, &numbers(Corpus::Stores)).await? {
            for term in text_terms(Corpus::Stores, &store.name, "") {
                edits.set(term, store.number, store.is_live);
            }
        }
        Ok(edits)
    }

    fn edit(&mut self, term: Term, number: u32) -> &mut Edit {
        self.by_block.entry(block_of(number)).or_default().entry(term).or_default()
    }

    fn set(&mut self, term: Term, number: u32, is_live: bool) {
        if is_live {
            self.edit(term, number).add.insert(number);
        } else {
            self.remove(term, number);
        }
    }

    fn remove(&mut self, term: Term, number: u32) {
        self.edit(term, number).remove.insert(number);
    }

    async fn write(mut self, connection: &mut Connection) -> sqlx::Result<()> {
        self.remove_old_facts(connection).await?;
        for (block, edits) in &self.by_block {
            let edits: Vec<(&Term, &Edit)> = edits.iter().collect();
            for chunk in edits.chunks(TERMS_AT_ONCE) {
                let terms: Vec<&Term> = chunk.iter().map(|(term, _)| *term).collect();
                let known = blocks::find(connection, &terms, *block..=*block).await?;
                let nothing = RoaringBitmap::new();
                let mut changed = Vec::new();
                for (term, Edit { add, remove }) in chunk {
                    let before = known.get(*term).unwrap_or(&nothing);
                    let after = (before - remove) | add;
                    if after != *before {
                        changed.push((*term, after));
                    }
                }
                blocks::replace(connection, *block, changed.iter().map(|(term, members)| (*term, members)))
                    .await?;
            }
        }
        Ok(())
    }

    /// Removes the items from every fact that the index has. The facts that are true now are added again.
    async fn remove_old_facts(&mut self, connection: &mut Connection) -> sqlx::Result<()> {
        let blocks: BTreeSet<u32> = self.items.iter().map(block_of).collect();
        for block in blocks {
            for (first, last) in Term::ranges_of_facts() {
                for (term, members) in blocks::find_range(connection, &first, &last, block..=block).await? {
                    for number in members & &self.items {
                        self.remove(term.clone(), number);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The terms of the words of an item or a store.
pub(super) fn text_terms(corpus: Corpus, name: &str, description: &str) -> BTreeSet<Term> {
    let mut terms = BTreeSet::new();
    each_text_term(corpus, name, description, |bytes| {
        terms.insert(Term::from_bytes(bytes.to_vec()));
    });
    terms
}
