//! The price and the sold count of items, beside the options that they are made of.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::db::{padded, push_list};
use crate::items::figures::{Figures, ItemFigures, OptionFigures};

#[derive(FromRow)]
struct Row {
    number: i64,
    is_live: bool,
    min_price: Won,
    sold: i64,
    option_is_live: bool,
    price: Won,
    on_hand: i64,
    net_sold: i64,
}

/// The figures of the items of these numbers, live or deleted. One statement reads them, so all are of one moment.
pub async fn find(
    connection: &mut Connection,
    numbers: RangeInclusive<i64>,
) -> sqlx::Result<BTreeMap<i64, ItemFigures>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT i.number, i.live IS NOT NULL AS is_live, i.min_price, i.sold, o.live IS NOT NULL AS option_is_live, \
         o.price, o.on_hand, o.sold - o.restocked AS net_sold \
         FROM items i FORCE INDEX (PRIMARY) STRAIGHT_JOIN options o FORCE INDEX (options_by_item) ON o.item_id = i.id \
         WHERE i.number BETWEEN ? AND ?",
    )
    .bind(*numbers.start())
    .bind(*numbers.end())
    .fetch_all(connection)
    .await?;
    let mut found: BTreeMap<i64, ItemFigures> = BTreeMap::new();
    for row in rows {
        let stored = Figures { min_price: row.min_price, sold: row.sold };
        let item = ItemFigures { is_live: row.is_live, stored, options: Vec::new() };
        let Row { option_is_live: is_live, price, on_hand, net_sold, .. } = row;
        let option = OptionFigures { is_live, price, on_hand, net_sold };
        found.entry(row.number).or_insert(item).options.push(option);
    }
    Ok(found)
}

/// Locks an item and all of its options, also deleted ones, until the transaction ends: the item first, and then the options in
/// the order of their ids, as orders lock them.
pub async fn lock(connection: &mut Connection, number: i64) -> sqlx::Result<()> {
    let id: Uuid = sqlx::query_scalar("SELECT id FROM items WHERE number = ? FOR UPDATE")
        .bind(number)
        .fetch_one(&mut *connection)
        .await?;
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM options WHERE item_id = ?")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("SELECT 1 FROM options FORCE INDEX (PRIMARY) WHERE id IN ");
    push_list(&mut query, padded(&ids).copied());
    query.push(" ORDER BY id FOR UPDATE");
    query.build().fetch_all(connection).await?;
    Ok(())
}

/// Writes the figures of a locked item.
pub async fn update(connection: &mut Connection, number: i64, figures: Figures) -> sqlx::Result<()> {
    sqlx::query("UPDATE items SET min_price = ?, sold = ? WHERE number = ?")
        .bind(figures.min_price)
        .bind(figures.sold)
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}
