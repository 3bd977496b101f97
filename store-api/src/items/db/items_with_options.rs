//! Items with their options, in one statement: both are of one moment, and it takes one round trip.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use uuid::Uuid;

use super::items;
use crate::db::{padded, push_list};
use crate::items::{ItemOption, ItemWithOptions};

/// One row for each option. Every row repeats the columns of the item, which usually has few options.
#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    item: items::Row,
    option_id: Uuid,
    option_name: String,
    option_name_key: String,
    option_price: Won,
    option_on_hand: i64,
    option_position: i32,
}

/// A live item with its live options, of which there is at least one.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<ItemWithOptions>> {
    Ok(find_all(connection, &[id]).await?.remove(&id))
}

/// Live items with their live options, by their ids.
pub async fn find_all(
    connection: &mut Connection,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, ItemWithOptions>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(concat!(
        "SELECT ",
        items::columns!(),
        ", o.id AS option_id, o.name AS option_name, o.name_key AS option_name_key, o.price AS option_price, \
         o.on_hand AS option_on_hand, o.position AS option_position \
         FROM items i FORCE INDEX (items_id_key) STRAIGHT_JOIN stores s FORCE INDEX (stores_id_key) ON s.id = i.store_id \
         STRAIGHT_JOIN options o FORCE INDEX (options_by_item) ON o.item_id = i.id AND o.live = 1 \
         WHERE i.live = 1 AND i.id IN "
    ));
    push_list(&mut query, padded(ids).copied());
    let mut rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    // Sorting here is cheaper: the database would build a temporary table to sort.
    rows.sort_unstable_by_key(|row| row.option_position);
    let mut found: HashMap<Uuid, ItemWithOptions> = HashMap::with_capacity(ids.len());
    for row in rows {
        let option = ItemOption {
            id: row.option_id,
            name: row.option_name,
            name_key: row.option_name_key,
            price: row.option_price,
            on_hand: row.option_on_hand,
        };
        match found.entry(row.item.id) {
            Entry::Occupied(mut known) => known.get_mut().options.push(option),
            Entry::Vacant(new) => {
                new.insert(ItemWithOptions { item: row.item.try_into()?, options: vec![option] });
            }
        }
    }
    Ok(found)
}
