//! The table `items`.

use database::Connection;
use money::Won;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{number, parse, unreadable};
use crate::items::{Item, NewItem, lowest_price};
use crate::shared::WebAddress;

/// The unique key over the names of a store's live items.
pub const NAME_KEY: &str = "items_name_key";

/// The columns of a [`Row`], from `items i` and its store `s`.
macro_rules! columns {
    () => {
        "i.number, i.id, i.store_id, s.name AS store_name, i.seller_id, i.name, i.name_key, i.description, i.category, \
         i.thumbnail_url, i.description_url, i.min_price, i.hearts, i.sold, i.version, i.created_at, i.updated_at"
    };
}
pub(crate) use columns;

#[derive(FromRow)]
pub(crate) struct Row {
    number: i64,
    pub(crate) id: Uuid,
    store_id: Uuid,
    store_name: String,
    seller_id: Uuid,
    name: String,
    name_key: String,
    description: String,
    category: String,
    thumbnail_url: Option<String>,
    description_url: Option<String>,
    min_price: Won,
    hearts: i64,
    sold: i64,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Item {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        Ok(Self {
            number: row.number,
            id: row.id,
            store_id: row.store_id,
            store_name: row.store_name,
            seller_id: row.seller_id,
            name: row.name,
            name_key: row.name_key,
            description: row.description,
            category: parse("category", &row.category)?,
            thumbnail_url: row.thumbnail_url,
            description_url: row.description_url,
            min_price: row.min_price,
            hearts: row.hearts,
            sold: row.sold,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The owner of a new item.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The store.
    pub store_id: Uuid,
    /// Its seller.
    pub seller_id: Uuid,
}

/// Locks the live store that a new item is for, so that nobody closes it meanwhile. False if the seller has no such
/// store.
pub async fn lock_store(connection: &mut Connection, owner: Owner) -> sqlx::Result<bool> {
    let number: Option<i64> = sqlx::query_scalar(
        "SELECT number FROM stores WHERE id = ? AND live = 1 AND seller_id = ? FOR UPDATE",
    )
    .bind(owner.store_id)
    .bind(owner.seller_id)
    .fetch_optional(connection)
    .await?;
    Ok(number.is_some())
}

/// Writes a new item at version 1, without its options, and returns its number. A taken name fails on [`NAME_KEY`].
pub async fn insert(
    connection: &mut Connection,
    id: Uuid,
    owner: Owner,
    item: &NewItem,
    now: OffsetDateTime,
) -> sqlx::Result<i64> {
    let prices = item.options.iter().map(|option| (option.price.amount(), option.quantity.pieces()));
    let min_price = lowest_price(prices).unwrap_or(Won::ZERO);
    let done = sqlx::query(
        "INSERT INTO items (id, store_id, seller_id, name, name_key, description, category, thumbnail_url, \
         description_url, min_price, hearts, sold, version, live, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1, 1, ?, ?)",
    )
    .bind(id)
    .bind(owner.store_id)
    .bind(owner.seller_id)
    .bind(item.name.as_str())
    .bind(item.name.key())
    .bind(item.description.as_str())
    .bind(item.category.as_str())
    .bind(item.thumbnail_url.as_ref().map(WebAddress::as_str))
    .bind(item.description_url.as_ref().map(WebAddress::as_str))
    .bind(min_price)
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    i64::try_from(done.last_insert_id()).map_err(|error| unreadable("number", error))
}

/// A live item.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Item>> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM items i STRAIGHT_JOIN stores s ON s.id = i.store_id WHERE i.id = ? AND i.live = 1"
    ))
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(Item::try_from).transpose()
}

/// Locks a live item of this seller until the transaction ends. The lock also guards changes of its options.
pub async fn lock_owned(
    connection: &mut Connection,
    id: Uuid,
    seller_id: Uuid,
) -> sqlx::Result<Option<Item>> {
    // One statement locks the item, and another reads it with its store. A locking read with a join would lock the store
    // too, and so block every other edit in the store.
    let owned: Option<i64> =
        sqlx::query_scalar("SELECT number FROM items WHERE id = ? AND live = 1 AND seller_id = ? FOR UPDATE")
            .bind(id)
            .bind(seller_id)
            .fetch_optional(&mut *connection)
            .await?;
    match owned {
        Some(_) => find(connection, id).await,
        None => Ok(None),
    }
}

/// A live item with the count of its hearts.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct HeartCount {
    /// Its number.
    pub number: i64,
    /// How many hearts it has.
    pub hearts: i64,
}

/// Locks a live item and returns its hearts. No other transaction changes its hearts or deletes it meanwhile.
pub async fn lock_hearts(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<HeartCount>> {
    sqlx::query_as("SELECT number, hearts FROM items WHERE id = ? AND live = 1 FOR UPDATE")
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Updates the item of the same number. The counts of hearts and of sold pieces are not changed.
pub async fn update(connection: &mut Connection, item: &Item) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE items SET name = ?, name_key = ?, description = ?, category = ?, thumbnail_url = ?, \
         description_url = ?, min_price = ?, version = ?, updated_at = ? WHERE number = ?",
    )
    .bind(&item.name)
    .bind(&item.name_key)
    .bind(&item.description)
    .bind(item.category.as_str())
    .bind(&item.thumbnail_url)
    .bind(&item.description_url)
    .bind(item.min_price)
    .bind(item.version)
    .bind(item.updated_at)
    .bind(item.number)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks an item as deleted. Old orders have their own copy of its name.
pub async fn delete(connection: &mut Connection, number: i64, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE items SET live = NULL, deleted_at = ?, version = version + 1, hearts = 0 WHERE number = ?",
    )
    .bind(now)
    .bind(number)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks every item of a store as deleted.
pub async fn delete_of_store(
    connection: &mut Connection,
    store_id: Uuid,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE items SET live = NULL, deleted_at = ?, version = version + 1, hearts = 0 \
         WHERE store_id = ? AND live = 1",
    )
    .bind(now)
    .bind(store_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the count of hearts of a locked item.
pub async fn set_hearts(connection: &mut Connection, number: i64, hearts: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE items SET hearts = ? WHERE number = ?")
        .bind(hearts)
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes the price of a locked item.
pub async fn set_min_price(connection: &mut Connection, number: i64, price: Won) -> sqlx::Result<()> {
    sqlx::query("UPDATE items SET min_price = ? WHERE number = ?")
        .bind(price)
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

/// The number of the newest item, live or deleted.
pub async fn newest_number(connection: &mut Connection) -> sqlx::Result<Option<u32>> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT MAX(number) FROM items").fetch_one(connection).await?;
    newest.map(number).transpose()
}
