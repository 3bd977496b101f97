//! The table `search_blocks`: for each term, the numbers that have it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use database::Connection;
use roaring::RoaringBitmap;
use sqlx::{FromRow, QueryBuilder};

use crate::db::{insert_rows, padded, push_list, unreadable};
use crate::search::Term;
use crate::search_changes::Corpus;

/// A block has this many consecutive numbers: as many as a container of a Roaring bitmap. A container takes at most
/// 8 KiB, and smaller blocks would take as much for frequent terms. A write replaces the whole block of a term, and a
/// search reads it whole.
const NUMBERS: u32 = 1 << 16;
/// One statement writes this many rows.
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

/// The numbers of these blocks that have each of these terms. A term without numbers is left out.
pub async fn find(
    connection: &mut Connection,
    terms: &[&Term],
    blocks: RangeInclusive<u32>,
) -> sqlx::Result<BTreeMap<Term, RoaringBitmap>> {
    if terms.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::new("SELECT term, members FROM search_blocks WHERE term IN ");
    push_list(&mut query, padded(terms).map(|term| term.as_bytes()));
    query.push(" AND block BETWEEN ").push_bind(*blocks.start()).push(" AND ").push_bind(*blocks.end());
    joined(query.build_query_as().fetch_all(connection).await?)
}

/// The numbers of these blocks that have each of the terms from `first` to `last`.
pub async fn find_range(
    connection: &mut Connection,
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
    .fetch_all(connection)
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

/// Replaces the numbers of a block that have these terms. The caller holds the [writer's
/// lock](crate::search_changes::lock_writer).
pub async fn replace(
    connection: &mut Connection,
    block: u32,
    members: impl Iterator<Item = (&Term, &RoaringBitmap)>,
) -> sqlx::Result<()> {
    let members: Vec<_> = members.collect();
    let into = "REPLACE INTO search_blocks (term, block, members) ";
    insert_rows(connection, into, &members, ROWS_AT_ONCE, |mut row, (term, members)| {
        let mut bytes = Vec::with_capacity(members.serialized_size());
        members.serialize_into(&mut bytes).expect("writing to a Vec never fails");
        row.push_bind(term.as_bytes()).push_bind(block).push_bind(bytes);
    })
    .await
}

/// Deletes one block of all terms of a corpus.
pub async fn delete_block(connection: &mut Connection, corpus: Corpus, block: u32) -> sqlx::Result<()> {
    let (first, last) = Term::range_of(corpus);
    sqlx::query("DELETE FROM search_blocks WHERE block = ? AND term BETWEEN ? AND ?")
        .bind(block)
        .bind(first.as_bytes())
        .bind(last.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}
