//! The current state of options, in one statement: a cart or a checkout is compared with the store at one moment.

use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};
use store_client::{DeletedOption, Gone, OptionOnSale, OptionsFound};
use uuid::Uuid;

use crate::db::push_list;

#[derive(FromRow)]
struct Row {
    option_id: Uuid,
    item_id: Uuid,
    store_id: Uuid,
    seller_id: Uuid,
    store_name: String,
    item_name: String,
    option_name: String,
    price: Won,
    on_hand: i64,
    option_is_live: bool,
    item_is_live: bool,
}

/// Finds these options, on sale or deleted. An option of a deleted store has a deleted item.
pub async fn options(connection: &mut Connection, option_ids: &[Uuid]) -> sqlx::Result<OptionsFound> {
    let mut found = OptionsFound::default();
    if option_ids.is_empty() {
        return Ok(found);
    }
    let mut query = QueryBuilder::new(
        "SELECT o.id AS option_id, o.item_id, i.store_id, i.seller_id, s.name AS store_name, i.name AS item_name, \
         o.name AS option_name, o.price, o.on_hand, o.live IS NOT NULL AS option_is_live, \
         i.live IS NOT NULL AS item_is_live \
         FROM options o JOIN items i ON i.id = o.item_id JOIN stores s ON s.id = i.store_id WHERE o.id IN ",
    );
    push_list(&mut query, option_ids.iter().copied());
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    for row in rows {
        match gone(&row) {
            None => found.options.push(on_sale(row)),
            Some(gone) => found.deleted.push(deleted(row, gone)),
        }
    }
    Ok(found)
}

fn gone(row: &Row) -> Option<Gone> {
    match (row.item_is_live, row.option_is_live) {
        (false, _) => Some(Gone::Item),
        (true, false) => Some(Gone::Option),
        (true, true) => None,
    }
}

fn on_sale(row: Row) -> OptionOnSale {
    let Row {
        option_id,
        item_id,
        store_id,
        seller_id,
        store_name,
        item_name,
        option_name,
        price,
        on_hand,
        ..
    } = row;
    OptionOnSale {
        option_id,
        item_id,
        store_id,
        seller_id,
        store_name,
        item_name,
        option_name,
        price,
        quantity: on_hand,
    }
}

fn deleted(row: Row, gone: Gone) -> DeletedOption {
    let Row { option_id, item_id, store_name, item_name, option_name, .. } = row;
    DeletedOption { option_id, item_id, gone, store_name, item_name, option_name }
}
