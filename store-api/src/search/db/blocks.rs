//! The table `search_blocks`: for each term, which numbers have it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;
use sqlx::{FromRow, QueryBuilder};

use crate::db::{padded, portions, unreadable};
use crate::search::Term;
use crate::search_changes::Corpus;

/// A block is this many consecutive numbers, as many as a container of a Roaring bitmap, which takes 8 KiB at most: with
/// fewer to a block, frequent terms would take as much for each. A write rewrites a term's whole block, a search reads
/// it whole.
const NUMBERS: u32 = 1 << 16;
/// So many rows go into one statement.
const ROWS_AT_ONCE: usize = 256;

/// The block that a number is in.
pub const fn block_of(number: u32) -> u32 {
    number / NUMBERS
}

/// The numbers of a block.
pub const fn numbers_of(block: u32) -> RangeInclusive<u32> {
    block * NUMBERS..=block * NUMBERS + (NUMBERS - 1)
}

#[derive(FromRow)]
struct Row {
    term: Vec<u8>,
    members: Vec<u8>,
}

/// Which numbers of these blocks have each of these terms. A term that none has is left out.
pub async fn find(
    db: &mut Connection,
    terms: &[&Term],
    blocks: RangeInclusive<u32>,
) -> sqlx::Result<BTreeMap<Term, RoaringBitmap>> {
    if terms.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::new("SELECT term, members FROM search_blocks WHERE term IN (");
    let mut list = query.separated(", ");
    for term in padded(terms) {
        list.push_bind(term.as_bytes().to_vec());
    }
    query.push(") AND block BETWEEN ").push_bind(*blocks.start()).push(" AND ").push_bind(*blocks.end());
    joined(query.build_query_as().fetch_all(db).await?)
}

/// Which numbers of these blocks have each of the terms from `first` to `last`.
pub async fn find_range(
    db: &mut Connection,
    first: &Term,
    last: &Term,
    blocks: RangeInclusive<u32>,
) -> sqlx::Result<BTreeMap<Term, RoaringBitmap>> {
    let rows = sqlx::query_as(
        "SELECT term, members FROM search_blocks WHERE term BETWEEN ? AND ? AND block BETWEEN ? AND ?",
    )
    .bind(first.as_bytes())
    .bind(last.as_bytes())
    .bind(*blocks.start())
    .bind(*blocks.end())
    .fetch_all(db)
    .await?;
    joined(rows)
}

fn joined(rows: Vec<Row>) -> sqlx::Result<BTreeMap<Term, RoaringBitmap>> {
    let mut found: BTreeMap<Term, RoaringBitmap> = BTreeMap::new();
    for Row { term, members } in rows {
        let members =
            RoaringBitmap::deserialize_from(&*members).map_err(|error| unreadable("members", error))?;
        *found.entry(Term::from_bytes(term)).or_default() |= members;
    }
    Ok(found)
}

/// Writes which numbers of a block have these terms, over what was known of them. Only whoever [writes the
/// index](super::search_changes::lock_writer) calls it.
pub async fn replace(
    db: &mut Connection,
    block: u32,
    members: impl Iterator<Item = (&Term, &RoaringBitmap)>,
) -> sqlx::Result<()> {
    let members: Vec<_> = members.collect();
    for chunk in portions(&members, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new("REPLACE INTO search_blocks (term, block, members) ");
        insert.push_values(chunk, |mut row, (term, members)| {
            let mut bytes = Vec::with_capacity(members.serialized_size());
            members.serialize_into(&mut bytes).expect("a Vec takes whatever is written");
            row.push_bind(term.as_bytes().to_vec()).push_bind(block).push_bind(bytes);
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// Removes all that is known of a block of a corpus.
pub async fn delete_block(db: &mut Connection, corpus: Corpus, block: u32) -> sqlx::Result<()> {
    let (first, last) = Term::range_of(corpus);
    sqlx::query("DELETE FROM search_blocks WHERE block = ? AND term BETWEEN ? AND ?")
        .bind(block)
        .bind(first.as_bytes())
        .bind(last.as_bytes())
        .execute(db)
        .await?;
    Ok(())
}
