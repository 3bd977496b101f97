//! The tables `search_changes` and `search_writer`: what the index does not know yet, and who brings it up to date.
//!
//! A change is noted by the transaction that makes it. What is noted is looked at itself by every search, past the
//! index, until the index knows it: nobody ever sees an old state.

use database::Connection;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Corpus;
use crate::db::{number, padded, unreadable};

/// Notes that something was added.
pub async fn note_new(db: &mut Connection, corpus: Corpus, number: i64) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO search_changes (corpus, number) VALUES (?, ?)")
        .bind(corpus.as_str())
        .bind(number)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes that facts about an item have changed, and not its words.
pub async fn note_facts(db: &mut Connection, number: i64) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO search_changes (corpus, number, only_facts) VALUES ('ITEMS', ?, TRUE)")
        .bind(number)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes that something is about to get another text, or to be deleted. `old_description` is empty where the corpus
/// has none.
pub async fn note_old_text(
    db: &mut Connection,
    corpus: Corpus,
    number: i64,
    old_name: &str,
    old_description: &str,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO search_changes (corpus, number, old_name, old_description) VALUES (?, ?, ?, ?)")
        .bind(corpus.as_str())
        .bind(number)
        .bind(old_name)
        .bind(old_description)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes that the live items of a store are about to be deleted.
pub async fn note_items_of_store(db: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO search_changes (corpus, number, old_name, old_description) \
         SELECT 'ITEMS', number, name, description FROM items WHERE store_id = ? AND live = 1",
    )
    .bind(store_id)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes the items of which an order has just taken the last piece of an option.
pub async fn note_sold_out(db: &mut Connection, order_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO search_changes (corpus, number, only_facts) SELECT DISTINCT 'ITEMS', i.number, TRUE \
         FROM reservation_lines l STRAIGHT_JOIN options o ON o.id = l.option_id \
         STRAIGHT_JOIN items i ON i.id = o.item_id WHERE l.order_id = ? AND o.on_hand = 0",
    )
    .bind(order_id)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes the items of which an order has just put pieces of an option back where there were none.
pub async fn note_back_in_stock(db: &mut Connection, order_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO search_changes (corpus, number, only_facts) SELECT DISTINCT 'ITEMS', i.number, TRUE \
         FROM reservation_lines l STRAIGHT_JOIN options o ON o.id = l.option_id \
         STRAIGHT_JOIN items i ON i.id = o.item_id WHERE l.order_id = ? AND o.on_hand = l.quantity",
    )
    .bind(order_id)
    .execute(db)
    .await?;
    Ok(())
}

/// Notes the item of an option.
pub async fn note_item_of_option(db: &mut Connection, option_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO search_changes (corpus, number, only_facts) SELECT 'ITEMS', i.number, TRUE \
         FROM options o STRAIGHT_JOIN items i ON i.id = o.item_id WHERE o.id = ?",
    )
    .bind(option_id)
    .execute(db)
    .await?;
    Ok(())
}

/// What there is, and how much of it the index does not know yet.
#[derive(Clone, Debug)]
pub struct Known {
    /// The number of the newest, live or not; 0 where there is none.
    pub newest: u32,
    /// The numbers of all that the index does not know yet.
    pub unindexed: Vec<u32>,
}

/// What there is, and how much of it the index does not know yet, in one statement: both are of one moment.
pub async fn known(db: &mut Connection, corpus: Corpus) -> sqlx::Result<Known> {
    let query = match corpus {
        Corpus::Items => {
            "SELECT 1 AS is_newest, COALESCE(MAX(number), 0) AS number FROM items \
             UNION ALL SELECT DISTINCT 0, number FROM search_changes WHERE corpus = 'ITEMS'"
        }
        Corpus::Stores => {
            "SELECT 1 AS is_newest, COALESCE(MAX(number), 0) AS number FROM stores \
             UNION ALL SELECT DISTINCT 0, number FROM search_changes WHERE corpus = 'STORES'"
        }
    };
    let rows: Vec<(i64, i64)> = sqlx::query_as(query).fetch_all(db).await?;
    let mut known = Known { newest: 0, unindexed: Vec::with_capacity(rows.len()) };
    for (is_newest, stored) in rows {
        if is_newest == 1 {
            known.newest = number(stored)?;
        } else {
            known.unindexed.push(number(stored)?);
        }
    }
    Ok(known)
}

/// A change that was noted.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The note's own number.
    pub seq: i64,
    /// What was changed.
    pub corpus: Corpus,
    /// Its number.
    pub number: u32,
    /// The text that it had, where that was changed.
    pub old_text: Option<(String, String)>,
    /// Whether the index knows its words already.
    pub only_facts: bool,
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    corpus: String,
    number: i64,
    old_name: Option<String>,
    old_description: Option<String>,
    only_facts: bool,
}

/// The oldest notes.
pub async fn oldest(db: &mut Connection, limit: u32) -> sqlx::Result<Vec<Noted>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT seq, corpus, number, old_name, old_description, only_facts FROM search_changes ORDER BY seq LIMIT ?",
    )
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let corpus = Corpus::from_name(&row.corpus)
                .ok_or_else(|| unreadable("corpus", format!("{} is no corpus", row.corpus)))?;
            let old_text = row.old_name.map(|name| (name, row.old_description.unwrap_or_default()));
            let number = number(row.number)?;
            Ok(Noted { seq: row.seq, corpus, number, old_text, only_facts: row.only_facts })
        })
        .collect()
}

/// Removes notes that the index knows now.
pub async fn forget(db: &mut Connection, notes: &[Noted]) -> sqlx::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let mut delete = QueryBuilder::new("DELETE FROM search_changes WHERE seq IN (");
    let mut list = delete.separated(", ");
    for note in padded(notes) {
        list.push_bind(note.seq);
    }
    delete.push(")");
    delete.build().execute(db).await?;
    Ok(())
}

/// Takes the right to write the index until the transaction ends. False where somebody else has it.
pub async fn try_lock_writer(db: &mut Connection) -> sqlx::Result<bool> {
    let locked: Option<i64> = sqlx::query_scalar(
        "SELECT CAST(id AS SIGNED) FROM search_writer WHERE id = 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(db)
    .await?;
    Ok(locked.is_some())
}

/// Takes the right to write the index until the transaction ends, waiting for whoever has it.
pub async fn lock_writer(db: &mut Connection) -> sqlx::Result<()> {
    sqlx::query("SELECT id FROM search_writer WHERE id = 1 FOR UPDATE").execute(db).await?;
    Ok(())
}
