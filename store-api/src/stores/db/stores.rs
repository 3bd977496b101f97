//! The table `stores`.

use database::Connection;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{number, unreadable};
use crate::shared::WebAddress;
use crate::stores::{NewStore, Store};

/// The unique key over the names of live stores.
pub const NAME_KEY: &str = "stores_name_key";

/// The columns of a [`Row`], from `stores s`.
macro_rules! columns {
    () => {
        "s.number, s.id, s.seller_id, s.name, s.name_key, s.description, s.thumbnail_url, s.followers, s.version, \
         s.created_at, s.updated_at"
    };
}
pub(crate) use columns;

#[derive(FromRow)]
pub(crate) struct Row {
    number: i64,
    id: Uuid,
    seller_id: Uuid,
    name: String,
    name_key: String,
    description: String,
    thumbnail_url: Option<String>,
    followers: i64,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for Store {
    fn from(row: Row) -> Self {
        let Row { number, id, seller_id, name, name_key, description, thumbnail_url, .. } = row;
        let Row { followers, version, created_at, updated_at, .. } = row;
        Self {
            number,
            id,
            seller_id,
            name,
            name_key,
            description,
            thumbnail_url,
            followers,
            version,
            created_at,
            updated_at,
        }
    }
}

/// Writes a new store at version 1, and returns its number. A taken name fails on [`NAME_KEY`].
pub async fn insert(
    connection: &mut Connection,
    id: Uuid,
    seller_id: Uuid,
    store: &NewStore,
    now: OffsetDateTime,
) -> sqlx::Result<i64> {
    let done = sqlx::query(
        "INSERT INTO stores (id, seller_id, name, name_key, description, thumbnail_url, followers, version, live, \
         created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 0, 1, 1, ?, ?)",
    )
    .bind(id)
    .bind(seller_id)
    .bind(store.name.as_str())
    .bind(store.name.key())
    .bind(store.description.as_str())
    .bind(store.thumbnail_url.as_ref().map(WebAddress::as_str))
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    i64::try_from(done.last_insert_id()).map_err(|error| unreadable("number", error))
}

/// A live store.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Store>> {
    let row: Option<Row> =
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM stores s WHERE s.id = ? AND s.live = 1"))
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(Store::from))
}

/// Locks a live store of this seller until the transaction ends.
pub async fn lock_owned(
    connection: &mut Connection,
    id: Uuid,
    seller_id: Uuid,
) -> sqlx::Result<Option<Store>> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM stores s WHERE s.id = ? AND s.live = 1 AND s.seller_id = ? FOR UPDATE"
    ))
    .bind(id)
    .bind(seller_id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Store::from))
}

/// Locks a live store and returns its number. No other transaction changes its follows or deletes it meanwhile.
pub async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT number FROM stores WHERE id = ? AND live = 1 FOR UPDATE")
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Updates the store of the same number. The count of followers is not changed.
pub async fn update(connection: &mut Connection, store: &Store) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE stores SET name = ?, name_key = ?, description = ?, thumbnail_url = ?, version = ?, updated_at = ? \
         WHERE number = ?",
    )
    .bind(&store.name)
    .bind(&store.name_key)
    .bind(&store.description)
    .bind(&store.thumbnail_url)
    .bind(store.version)
    .bind(store.updated_at)
    .bind(store.number)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a store as deleted. Old orders have their own copy of its name.
pub async fn delete(connection: &mut Connection, number: i64, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE stores SET live = NULL, deleted_at = ?, version = version + 1, followers = 0 WHERE number = ?")
        .bind(now)
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Changes the count of followers.
pub async fn add_followers(connection: &mut Connection, number: i64, change: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE stores SET followers = followers + ? WHERE number = ?")
        .bind(change)
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// The number of a live store.
pub async fn find_number(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT number FROM stores WHERE id = ? AND live = 1")
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// The number of the newest store, live or deleted.
pub async fn newest_number(connection: &mut Connection) -> sqlx::Result<Option<u32>> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT MAX(number) FROM stores").fetch_one(connection).await?;
    newest.map(number).transpose()
}

/// The live stores of a seller with a number below `below`, the newest first.
pub async fn of_seller(
    connection: &mut Connection,
    seller_id: Uuid,
    below: Option<i64>,
    rows: u32,
) -> sqlx::Result<Vec<Store>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM stores s FORCE INDEX (stores_by_seller) \
         WHERE s.seller_id = ? AND s.live = 1 AND s.number < ? ORDER BY s.number DESC LIMIT ?"
    ))
    .bind(seller_id)
    .bind(below.unwrap_or(i64::MAX))
    .bind(rows)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Store::from).collect())
}
