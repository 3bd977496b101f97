//! The table `items`.

use database::Connection;
use money::Won;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{number, unreadable};
use crate::items::{Category, Item, NewItem};
use crate::shared::WebAddress;

/// The unique key over the names of a store's live items.
pub const NAME_KEY: &str = "items_name_key";

/// What an item is read by, from `items i` and its store `s`.
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
        let category = Category::from_name(&row.category)
            .ok_or_else(|| unreadable("category", format!("{} is no category", row.category)))?;
        Ok(Self {
            number: row.number,
            id: row.id,
            store_id: row.store_id,
            store_name: row.store_name,
            seller_id: row.seller_id,
            name: row.name,
            name_key: row.name_key,
            description: row.description,
            category,
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

/// Whose a new item is.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The store.
    pub store_id: Uuid,
    /// Its seller.
    pub seller_id: Uuid,
}

/// Locks the live store that a new item is for, so that nobody closes it meanwhile. False if the seller has no such
/// store.
pub async fn lock_store(db: &mut Connection, owner: Owner) -> sqlx::Result<bool> {
    let number: Option<i64> = sqlx::query_scalar(
        "SELECT number FROM stores WHERE id = ? AND live = 1 AND seller_id = ? FOR UPDATE",
    )
    .bind(owner.store_id)
    .bind(owner.seller_id)
    .fetch_optional(db)
    .await?;
    Ok(number.is_some())
}

/// Writes a new item at version 1, without its options; a name that is taken runs into [`NAME_KEY`]. Gives its number.
pub async fn insert(
    db: &mut Connection,
    id: Uuid,
    owner: Owner,
    item: &NewItem,
    now: OffsetDateTime,
) -> sqlx::Result<i64> {
    let min_price = item.options.iter().map(|option| option.price.amount()).min().unwrap_or(Won::ZERO);
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
    .execute(db)
    .await?;
    i64::try_from(done.last_insert_id()).map_err(|error| unreadable("number", error))
}

/// A live item.
pub async fn find(db: &mut Connection, id: Uuid) -> sqlx::Result<Option<Item>> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM items i STRAIGHT_JOIN stores s ON s.id = i.store_id WHERE i.id = ? AND i.live = 1"
    ))
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(Item::try_from).transpose()
}

/// A live item of this seller, which nobody else changes until the transaction ends. Its options are changed under
/// this lock, too.
pub async fn lock_owned(db: &mut Connection, id: Uuid, seller_id: Uuid) -> sqlx::Result<Option<Item>> {
    // One row is locked and then read with its store: a join in the locking read would lock the store's row as well,
    // and with it every other edit in the store.
    let owned: Option<i64> =
        sqlx::query_scalar("SELECT number FROM items WHERE id = ? AND live = 1 AND seller_id = ? FOR UPDATE")
            .bind(id)
            .bind(seller_id)
            .fetch_optional(&mut *db)
            .await?;
    match owned {
        Some(_) => find(db, id).await,
        None => Ok(None),
    }
}

/// A live item, as far as hearts go.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct HeartCount {
    /// Its number.
    pub number: i64,
    /// How many hearts it has.
    pub hearts: i64,
}

/// A live item's hearts, with the item locked: nobody gives it another one or deletes it meanwhile.
pub async fn lock_hearts(db: &mut Connection, id: Uuid) -> sqlx::Result<Option<HeartCount>> {
    sqlx::query_as("SELECT number, hearts FROM items WHERE id = ? AND live = 1 FOR UPDATE")
        .bind(id)
        .fetch_optional(db)
        .await
}

/// Writes an edited item over the one of the same number. What is counted (hearts, pieces sold) is not edited.
pub async fn update(db: &mut Connection, item: &Item) -> sqlx::Result<()> {
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
    .execute(db)
    .await?;
    Ok(())
}

/// Takes an item out of every list; old orders have their own copy of its name.
pub async fn delete(db: &mut Connection, number: i64, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE items SET live = NULL, deleted_at = ?, version = version + 1, hearts = 0 WHERE number = ?",
    )
    .bind(now)
    .bind(number)
    .execute(db)
    .await?;
    Ok(())
}

/// Takes every item of a store out of every list.
pub async fn delete_of_store(db: &mut Connection, store_id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE items SET live = NULL, deleted_at = ?, version = version + 1, hearts = 0 \
         WHERE store_id = ? AND live = 1",
    )
    .bind(now)
    .bind(store_id)
    .execute(db)
    .await?;
    Ok(())
}

/// Writes how many hearts an item has, which is locked.
pub async fn set_hearts(db: &mut Connection, number: i64, hearts: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE items SET hearts = ? WHERE number = ?").bind(hearts).bind(number).execute(db).await?;
    Ok(())
}

/// The number of the newest item, live or not.
pub async fn newest_number(db: &mut Connection) -> sqlx::Result<Option<u32>> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(number) FROM items").fetch_one(db).await?;
    newest.map(number).transpose()
}
