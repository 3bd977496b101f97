//! An item with its options, in one statement: both are of one moment, and it is one way to the database and back.

use money::Won;
use sqlx::{FromRow, MySqlConnection};
use uuid::Uuid;

use super::items;
use crate::domain::{Item, ItemOption, ItemWithOptions};

/// The item's columns stand in every row; it has a few options as a rule.
#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    item: items::Row,
    option_id: Uuid,
    option_name: String,
    option_name_key: String,
    option_price: Won,
    option_on_hand: i64,
}

/// A live item with its live options, of which there is at least one.
pub async fn find(db: &mut MySqlConnection, id: Uuid) -> sqlx::Result<Option<ItemWithOptions>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        items::columns!(),
        ", o.id AS option_id, o.name AS option_name, o.name_key AS option_name_key, o.price AS option_price, \
         o.on_hand AS option_on_hand \
         FROM items i STRAIGHT_JOIN stores s ON s.id = i.store_id \
         STRAIGHT_JOIN options o ON o.item_id = i.id AND o.live = 1 \
         WHERE i.id = ? AND i.live = 1 ORDER BY o.position"
    ))
    .bind(id)
    .fetch_all(db)
    .await?;
    let mut item = None;
    let mut options = Vec::with_capacity(rows.len());
    for row in rows {
        item = Some(row.item);
        options.push(ItemOption {
            id: row.option_id,
            name: row.option_name,
            name_key: row.option_name_key,
            price: row.option_price,
            on_hand: row.option_on_hand,
        });
    }
    let item = item.map(Item::try_from).transpose()?;
    Ok(item.map(|item| ItemWithOptions { item, options }))
}
