//! Pages of items and stores, read in the order of an index of the table.
//!
//! Every statement names its index. Otherwise the optimiser follows its statistics, and sometimes reads and sorts half of
//! the table, or reads all earlier pages before a late one. The index of the joined stores is named too: if there are few
//! stores, the optimiser would read them first, and then read and sort all items.

use std::ops::RangeInclusive;

use database::Connection;
use sqlx::{FromRow, MySql, QueryBuilder};

use crate::db::{IndexOrder, number};
use crate::items::Item;
use crate::items::db::items;
use crate::search::{Direction, ItemFilter, ItemPosition, ItemSort, StoreKey, StorePosition, StoreSort};
use crate::stores::Store;
use crate::stores::db::stores;

/// A page of live items after a position. Of the filter, it uses only the category or the store: the other conditions
/// have no index.
pub async fn items(
    connection: &mut Connection,
    filter: &ItemFilter,
    sort: ItemSort,
    after: Option<&ItemPosition>,
    rows: u32,
) -> sqlx::Result<Vec<Item>> {
    let mut query = QueryBuilder::new(concat!("SELECT ", items::columns!(), " FROM items i FORCE INDEX ("));
    query.push(item_index(sort, filter));
    query.push(") STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id WHERE i.live = 1");
    if let Some(category) = filter.category {
        query.push(" AND i.category = ").push_bind(category.as_str());
    }
    if let Some(store_id) = filter.store_id {
        query.push(" AND i.store_id = ").push_bind(store_id);
    }
    let order = item_order(item_column(sort), sort);
    order.push(&mut query, after.map(|position| (position.key, position.number)), rows);
    let rows: Vec<items::Row> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// The keys and numbers of live items with a key in this range, after a key and number. An index has both, so no item
/// row is read.
pub async fn item_keys(
    connection: &mut Connection,
    sort: ItemSort,
    keys: &RangeInclusive<i64>,
    after: Option<(i64, i64)>,
    rows: u32,
) -> sqlx::Result<Vec<(i64, u32)>> {
    let Some(column) = item_column(sort) else { return Ok(Vec::new()) };
    let mut query = QueryBuilder::new("SELECT ");
    query
        .push(column)
        .push(", i.number FROM items i FORCE INDEX (")
        .push(item_index(sort, &ItemFilter::default()));
    query.push(") WHERE i.live = 1 AND ").push(column);
    query.push(" BETWEEN ").push_bind(*keys.start()).push(" AND ").push_bind(*keys.end());
    item_order(Some(column), sort).push(&mut query, after, rows);
    let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(|(key, stored)| Ok((key, number(stored)?))).collect()
}

/// The smallest and the greatest key of this sort among the live items.
pub async fn item_key_bounds(
    connection: &mut Connection,
    sort: ItemSort,
) -> sqlx::Result<Option<(i64, i64)>> {
    let Some(column) = item_column(sort) else { return Ok(None) };
    let mut query = QueryBuilder::new("SELECT MIN(");
    query.push(column).push("), MAX(").push(column).push(") FROM items i WHERE i.live = 1");
    let (least, greatest): (Option<i64>, Option<i64>) = query.build_query_as().fetch_one(connection).await?;
    Ok(least.zip(greatest))
}

/// A page of live stores after a position.
pub async fn stores(
    connection: &mut Connection,
    sort: StoreSort,
    after: Option<&StorePosition>,
    rows: u32,
) -> sqlx::Result<Vec<Store>> {
    let query = QueryBuilder::new(concat!("SELECT ", stores::columns!()));
    let rows: Vec<stores::Row> =
        stores_in_order(query, sort, after, rows).build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(Store::from).collect())
}

/// The keys and numbers of live stores after a position. An index has both, so no store row is read.
pub async fn store_keys(
    connection: &mut Connection,
    sort: StoreSort,
    after: Option<&StorePosition>,
    rows: u32,
) -> sqlx::Result<Vec<(StoreKey, u32)>> {
    let query = QueryBuilder::new(format!("SELECT {}, s.number", store_columns(sort)));
    let rows: Vec<StoreKeyRow> =
        stores_in_order(query, sort, after, rows).build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(StoreKeyRow::key).collect()
}

fn stores_in_order(
    mut query: QueryBuilder<MySql>,
    sort: StoreSort,
    after: Option<&StorePosition>,
    rows: u32,
) -> QueryBuilder<MySql> {
    query.push(" FROM stores s FORCE INDEX (");
    query.push(match sort {
        StoreSort::Latest => "stores_by_number",
        StoreSort::Followers => "stores_by_followers",
        StoreSort::Name => "stores_by_name",
    });
    query.push(") WHERE s.live = 1");
    match sort {
        StoreSort::Name => {
            if let Some(StorePosition { key: StoreKey::Name(name), .. }) = after {
                query.push(" AND s.name_key > ").push_bind(name.clone());
            }
            query.push(" ORDER BY s.name_key LIMIT ").push_bind(rows);
        }
        StoreSort::Latest | StoreSort::Followers => {
            let column = (sort == StoreSort::Followers).then_some("s.followers");
            let after = after.and_then(|position| match position.key {
                StoreKey::Count(key) => Some((key, position.number)),
                StoreKey::Name(_) => None,
            });
            IndexOrder { column, unique: "s.number", is_descending: true }.push(&mut query, after, rows);
        }
    }
    query
}

/// The columns of the key that stores are sorted by, of which one is filled.
pub(super) const fn store_columns(sort: StoreSort) -> &'static str {
    match sort {
        StoreSort::Latest => "CAST(0 AS SIGNED) AS count, NULL AS name",
        StoreSort::Followers => "s.followers AS count, NULL AS name",
        StoreSort::Name => "CAST(0 AS SIGNED) AS count, s.name_key AS name",
    }
}

/// The key and the number of a store.
#[derive(FromRow)]
pub(super) struct StoreKeyRow {
    count: i64,
    name: Option<String>,
    number: i64,
}

impl StoreKeyRow {
    pub(super) fn key(self) -> sqlx::Result<(StoreKey, u32)> {
        Ok((self.name.map_or(StoreKey::Count(self.count), StoreKey::Name), number(self.number)?))
    }
}

/// The column that items are sorted by, before their number.
pub(super) const fn item_column(sort: ItemSort) -> Option<&'static str> {
    match sort {
        ItemSort::Latest => None,
        ItemSort::Popular => Some("i.sold"),
        ItemSort::Hearts => Some("i.hearts"),
        ItemSort::PriceAsc | ItemSort::PriceDesc => Some("i.min_price"),
    }
}

fn item_order(column: Option<&'static str>, sort: ItemSort) -> IndexOrder {
    let is_descending = sort.direction() == Direction::Descending;
    IndexOrder { column, unique: "i.number", is_descending }
}

/// The index that has the items of the filter's category or store in the order of the sort.
fn item_index(sort: ItemSort, filter: &ItemFilter) -> &'static str {
    match sort {
        ItemSort::Latest if filter.store_id.is_some() => "items_by_store",
        ItemSort::Latest if filter.category.is_some() => "items_by_category",
        ItemSort::Latest => "items_by_number",
        ItemSort::Popular => "items_by_sold",
        ItemSort::Hearts => "items_by_hearts",
        ItemSort::PriceAsc | ItemSort::PriceDesc => "items_by_price",
    }
}
