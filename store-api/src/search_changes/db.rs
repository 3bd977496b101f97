//! The tables `search_changes` and `search_index`: what the index does not know yet, who brings it up to date, and which form
//! it has.

use database::Connection;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::{Corpus, Scale};
use crate::db::{number, padded, parse, push_list};

/// Records a new item or store.
pub async fn record_new(connection: &mut Connection, corpus: Corpus, number: i64) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO search_changes (corpus, number) VALUES (?, ?)")
        .bind(corpus.as_str())
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that facts of an item have changed, but not its words.
pub async fn record_facts(connection: &mut Connection, number: i64) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO search_changes (corpus, number, only_facts) VALUES ('ITEMS', ?, TRUE)")
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that a count of an item has changed, if the index needs to know: it knows only the band of a count.
pub async fn record_count(
    connection: &mut Connection,
    number: i64,
    before: i64,
    after: i64,
) -> sqlx::Result<()> {
    if Scale::COUNTS.band(before) != Scale::COUNTS.band(after) {
        record_facts(connection, number).await?;
    }
    Ok(())
}

/// Records that an item or a store is about to get another text, or to be deleted. `old_description` is empty for
/// stores.
pub async fn record_old_text(
    connection: &mut Connection,
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
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that the live items of a store are about to be deleted.
pub async fn record_items_of_store(connection: &mut Connection, store_id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO search_changes (corpus, number, old_name, old_description) \
         SELECT 'ITEMS', number, name, description FROM items WHERE store_id = ? AND live = 1",
    )
    .bind(store_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The items or stores that the index does not know yet.
#[derive(Clone, Debug)]
pub struct Unindexed {
    /// The number of the newest item or store, live or deleted. 0 if there is none.
    pub newest: u32,
    /// The numbers with a recorded change.
    pub numbers: Vec<u32>,
}

/// Reads the newest number and the recorded changes, in one statement so that both are of one moment.
pub async fn unindexed(connection: &mut Connection, corpus: Corpus) -> sqlx::Result<Unindexed> {
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
    let rows: Vec<(i64, i64)> = sqlx::query_as(query).fetch_all(connection).await?;
    let mut found = Unindexed { newest: 0, numbers: Vec::with_capacity(rows.len()) };
    for (is_newest, stored) in rows {
        if is_newest == 1 {
            found.newest = number(stored)?;
        } else {
            found.numbers.push(number(stored)?);
        }
    }
    Ok(found)
}

/// A recorded change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The number of the change itself.
    pub seq: i64,
    /// Whether an item or a store has changed.
    pub corpus: Corpus,
    /// The number of the item or store.
    pub number: u32,
    /// Name and description before the change, if the text has changed.
    pub old_text: Option<(String, String)>,
    /// Whether only facts have changed, and no words.
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

/// The oldest changes.
pub async fn oldest(connection: &mut Connection, limit: u32) -> sqlx::Result<Vec<Change>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT seq, corpus, number, old_name, old_description, only_facts FROM search_changes ORDER BY seq LIMIT ?",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let corpus = parse("corpus", &row.corpus)?;
            let old_text = row.old_name.map(|name| (name, row.old_description.unwrap_or_default()));
            let number = number(row.number)?;
            Ok(Change { seq: row.seq, corpus, number, old_text, only_facts: row.only_facts })
        })
        .collect()
}

/// Deletes changes that the index knows now.
pub async fn delete(connection: &mut Connection, changes: &[Change]) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut delete = QueryBuilder::new("DELETE FROM search_changes WHERE seq IN ");
    push_list(&mut delete, padded(changes).map(|change| change.seq));
    delete.build().execute(connection).await?;
    Ok(())
}

/// The form of the index that this build reads and writes. Raise it if you add a kind of term, or read texts in another way. During
/// a deploy, builds with the old and the new form run at the same time. So a new form must contain the terms that builds with the
/// form before look for.
pub const FORM: i64 = 2;

/// Which form the index has, and how many blocks are still of an older form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct IndexForm {
    /// The form that is written.
    pub form: i64,
    /// This many blocks of items, counted from the first, have an older form.
    pub item_blocks_left: u32,
    /// This many blocks of stores, counted from the first, have an older form.
    pub store_blocks_left: u32,
}

/// Takes the writer's lock until the transaction ends. `None` if another transaction has it.
pub async fn try_lock_form(connection: &mut Connection) -> sqlx::Result<Option<IndexForm>> {
    let form = sqlx::query_as(
        "SELECT CAST(form AS SIGNED) AS form, CAST(item_blocks_left AS UNSIGNED) AS item_blocks_left, \
         CAST(store_blocks_left AS UNSIGNED) AS store_blocks_left \
         FROM search_index WHERE id = 1 FOR UPDATE SKIP LOCKED",
    );
    form.fetch_optional(connection).await
}

/// Writes which form the index has. The caller holds the writer's lock.
pub async fn set_form(connection: &mut Connection, form: IndexForm) -> sqlx::Result<()> {
    sqlx::query("UPDATE search_index SET form = ?, item_blocks_left = ?, store_blocks_left = ? WHERE id = 1")
        .bind(form.form)
        .bind(form.item_blocks_left)
        .bind(form.store_blocks_left)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the writer's lock until the transaction ends. False if another transaction has it, or if the index has a form that
/// is not [`FORM`].
pub async fn try_lock_writer(connection: &mut Connection) -> sqlx::Result<bool> {
    let locked = try_lock_form(connection).await?;
    Ok(locked.is_some_and(|index| index.form == FORM))
}

/// Takes the writer's lock until the transaction ends. Waits if another transaction has it. False if the index has a form
/// that is not [`FORM`].
pub async fn lock_writer(connection: &mut Connection) -> sqlx::Result<bool> {
    let form: i64 =
        sqlx::query_scalar("SELECT CAST(form AS SIGNED) FROM search_index WHERE id = 1 FOR UPDATE")
            .fetch_one(connection)
            .await?;
    Ok(form == FORM)
}
