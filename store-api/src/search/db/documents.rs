//! What the search index is made of: the words and facts of items, and the names of stores.

use std::ops::RangeInclusive;

use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};

use crate::db::{number, padded, parse, push_list};
use crate::search::ItemFacts;

/// What the index knows about an item.
#[derive(Clone, Debug)]
pub struct ItemDocument {
    /// Its number.
    pub number: u32,
    /// Whether a search can find it.
    pub is_live: bool,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Everything but its words.
    pub facts: ItemFacts,
}

#[derive(FromRow)]
struct ItemRow {
    number: i64,
    is_live: bool,
    name: String,
    description: String,
    category: String,
    store_number: i64,
    min_price: Won,
    hearts: i64,
    sold: i64,
    in_stock: bool,
}

const ITEMS: &str = "SELECT i.number, i.live IS NOT NULL AS is_live, i.name, i.description, i.category, \
     s.number AS store_number, i.min_price, i.hearts, i.sold, \
     EXISTS (SELECT 1 FROM options o WHERE o.item_id = i.id AND o.live = 1 AND o.on_hand > 0) AS in_stock \
     FROM items i FORCE INDEX (PRIMARY) STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id WHERE ";

impl TryFrom<ItemRow> for ItemDocument {
    type Error = sqlx::Error;

    fn try_from(row: ItemRow) -> sqlx::Result<Self> {
        let facts = ItemFacts {
            category: parse("category", &row.category)?,
            store_number: row.store_number,
            min_price: row.min_price,
            hearts: row.hearts,
            sold: row.sold,
            in_stock: row.in_stock,
        };
        let number = number(row.number)?;
        Ok(Self { number, is_live: row.is_live, name: row.name, description: row.description, facts })
    }
}

/// The items of these numbers, live or deleted.
pub async fn items(connection: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<ItemDocument>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(ITEMS);
    query.push("i.number IN ");
    push_list(&mut query, padded(numbers).copied());
    let rows: Vec<ItemRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(ItemDocument::try_from).collect()
}

/// The live items of these numbers, the smallest number first.
pub async fn live_items(
    connection: &mut Connection,
    numbers: RangeInclusive<u32>,
    limit: u32,
) -> sqlx::Result<Vec<ItemDocument>> {
    let mut query = QueryBuilder::new(ITEMS);
    query.push("i.number BETWEEN ").push_bind(*numbers.start()).push(" AND ").push_bind(*numbers.end());
    query.push(" AND i.live = 1 ORDER BY i.number LIMIT ").push_bind(limit);
    let rows: Vec<ItemRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(ItemDocument::try_from).collect()
}

/// What the index knows about a store.
#[derive(Clone, Debug)]
pub struct StoreDocument {
    /// Its number.
    pub number: u32,
    /// Whether a search can find it.
    pub is_live: bool,
    /// Its name.
    pub name: String,
}

#[derive(FromRow)]
struct StoreRow {
    number: i64,
    is_live: bool,
    name: String,
}

impl TryFrom<StoreRow> for StoreDocument {
    type Error = sqlx::Error;

    fn try_from(row: StoreRow) -> sqlx::Result<Self> {
        Ok(Self { number: number(row.number)?, is_live: row.is_live, name: row.name })
    }
}

/// The stores of these numbers, live or deleted.
pub async fn stores(connection: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<StoreDocument>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT number, live IS NOT NULL AS is_live, name FROM stores FORCE INDEX (PRIMARY) WHERE ",
    );
    query.push("number IN ");
    push_list(&mut query, padded(numbers).copied());
    let rows: Vec<StoreRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(StoreDocument::try_from).collect()
}

/// The live stores of these numbers, the smallest number first.
pub async fn live_stores(
    connection: &mut Connection,
    numbers: RangeInclusive<u32>,
    limit: u32,
) -> sqlx::Result<Vec<StoreDocument>> {
    let rows: Vec<StoreRow> = sqlx::query_as(
        "SELECT number, live IS NOT NULL AS is_live, name FROM stores FORCE INDEX (PRIMARY) \
         WHERE number BETWEEN ? AND ? AND live = 1 ORDER BY number LIMIT ?",
    )
    .bind(*numbers.start())
    .bind(*numbers.end())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoreDocument::try_from).collect()
}
