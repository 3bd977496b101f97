//! The rows of the numbers that the search index gives.
//!
//! Every statement names the primary key. Without that, the optimiser may read a whole covering index instead.

use database::Connection;
use sqlx::mysql::MySqlRow;
use sqlx::{FromRow, QueryBuilder};

use super::listing;
use crate::db::{number, padded, push_list};
use crate::items::Item;
use crate::items::db::items;
use crate::search::{ItemSort, StoreKey, StoreSort};
use crate::stores::Store;
use crate::stores::db::stores;

/// One statement has this many numbers.
const NUMBERS_AT_ONCE: usize = 1_024;

/// A live item, and whether a piece of it can be bought.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// The item.
    pub item: Item,
    /// Whether a piece can be bought. True if the caller did not ask.
    pub in_stock: bool,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    item: items::Row,
    in_stock: bool,
}

/// The live items of these numbers, in any order. With `stock_is_asked`, it also reads whether they are in stock.
pub async fn items(
    connection: &mut Connection,
    numbers: &[u32],
    stock_is_asked: bool,
) -> sqlx::Result<Vec<ItemRow>> {
    let in_stock = if stock_is_asked {
        "EXISTS (SELECT 1 FROM options o WHERE o.item_id = i.id AND o.live = 1 AND o.on_hand > 0)"
    } else {
        "TRUE"
    };
    let select = format!(
        "SELECT {}, {in_stock} AS in_stock FROM items i FORCE INDEX (PRIMARY) \
         STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id WHERE i.live = 1 AND i.number IN ",
        items::columns!()
    );
    let rows: Vec<Row> = fetch(connection, &select, numbers).await?;
    rows.into_iter().map(|row| Ok(ItemRow { item: row.item.try_into()?, in_stock: row.in_stock })).collect()
}

/// The sort keys of the live items of these numbers, in any order.
pub async fn item_keys(
    connection: &mut Connection,
    sort: ItemSort,
    numbers: &[u32],
) -> sqlx::Result<Vec<(i64, u32)>> {
    let key = listing::item_column(sort).unwrap_or("CAST(0 AS SIGNED)");
    let select = format!(
        "SELECT {key}, i.number FROM items i FORCE INDEX (PRIMARY) WHERE i.live = 1 AND i.number IN "
    );
    let rows: Vec<(i64, i64)> = fetch(connection, &select, numbers).await?;
    rows.into_iter().map(|(key, stored)| Ok((key, number(stored)?))).collect()
}

/// The live stores of these numbers, in any order.
pub async fn stores(connection: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<Store>> {
    let select = concat!(
        "SELECT ",
        stores::columns!(),
        " FROM stores s FORCE INDEX (PRIMARY) WHERE s.live = 1 AND s.number IN "
    );
    let rows: Vec<stores::Row> = fetch(connection, select, numbers).await?;
    Ok(rows.into_iter().map(Store::from).collect())
}

/// The sort keys of the live stores of these numbers, in any order.
pub async fn store_keys(
    connection: &mut Connection,
    sort: StoreSort,
    numbers: &[u32],
) -> sqlx::Result<Vec<(StoreKey, u32)>> {
    let select = format!(
        "SELECT {}, s.number FROM stores s FORCE INDEX (PRIMARY) WHERE s.live = 1 AND s.number IN ",
        listing::store_columns(sort)
    );
    let rows: Vec<listing::StoreKeyRow> = fetch(connection, &select, numbers).await?;
    rows.into_iter().map(listing::StoreKeyRow::key).collect()
}

/// Fetches the rows of these numbers, some with each statement. `select` is the statement up to the list of numbers.
async fn fetch<R>(connection: &mut Connection, select: &str, numbers: &[u32]) -> sqlx::Result<Vec<R>>
where
    R: for<'r> FromRow<'r, MySqlRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(NUMBERS_AT_ONCE) {
        let mut query = QueryBuilder::new(select);
        push_list(&mut query, padded(chunk).copied());
        let rows: Vec<R> = query.build_query_as().fetch_all(&mut *connection).await?;
        found.extend(rows);
    }
    Ok(found)
}
