//! Rows by the thousand, for [`crate::seed`].

use database::Connection;
use sqlx::QueryBuilder;
use store_client::ReservationStatus;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{SeedItem, SeedStore};
use crate::db::{number, padded, portions, push_list, unreadable};
use crate::items::NewOption;

/// So many rows go into one statement.
const ROWS_AT_ONCE: usize = 1_024;

/// How many of these stores there are.
pub async fn count_stores(db: &mut Connection, ids: &[Uuid]) -> sqlx::Result<usize> {
    count(db, "SELECT COUNT(*) FROM stores WHERE id IN ", ids).await
}

/// How many of these items there are.
pub async fn count_items(db: &mut Connection, ids: &[Uuid]) -> sqlx::Result<usize> {
    count(db, "SELECT COUNT(*) FROM items WHERE id IN ", ids).await
}

/// The number of an item.
pub async fn item_number(db: &mut Connection, id: Uuid) -> sqlx::Result<u32> {
    let number: i64 =
        sqlx::query_scalar("SELECT number FROM items WHERE id = ?").bind(id).fetch_one(db).await?;
    number(number)
}

async fn count(db: &mut Connection, from: &'static str, ids: &[Uuid]) -> sqlx::Result<usize> {
    let mut query = QueryBuilder::new(from);
    push_list(&mut query, padded(ids).copied());
    let count: i64 = query.build_query_scalar().fetch_one(db).await?;
    usize::try_from(count).map_err(|error| unreadable("COUNT(*)", error))
}

/// Writes stores with their follows.
pub async fn insert_stores(db: &mut Connection, stores: &[SeedStore]) -> sqlx::Result<()> {
    for stores in portions(stores, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO stores (id, seller_id, name, name_key, description, followers, version, live, created_at, \
         updated_at) ",
        );
        insert.push_values(stores, |mut row, sown| {
            row.push_bind(sown.id)
                .push_bind(sown.seller_id)
                .push_bind(sown.store.name.as_str())
                .push_bind(sown.store.name.key())
                .push_bind(sown.store.description.as_str())
                .push_bind(size(&sown.followers))
                .push("1, 1")
                .push_bind(sown.created_at)
                .push_bind(sown.created_at);
        });
        insert.build().execute(&mut *db).await?;
    }
    let follows: Vec<_> = stores
        .iter()
        .flat_map(|sown| sown.followers.iter().map(|fan| (sown.id, *fan, sown.created_at)))
        .collect();
    insert_fans(db, "INSERT INTO follows (store_id, member_id, created_at) ", &follows).await
}

/// Writes items with their options, hearts and sales.
pub async fn insert_items(db: &mut Connection, items: &[SeedItem]) -> sqlx::Result<()> {
    for items in portions(items, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO items (id, store_id, seller_id, name, name_key, description, category, min_price, hearts, sold, \
         version, live, created_at, updated_at) ",
        );
        insert.push_values(items, |mut row, sown| {
            let prices = sown.item.options.iter().map(|option| option.price.amount());
            row.push_bind(sown.id)
                .push_bind(sown.store_id)
                .push_bind(sown.seller_id)
                .push_bind(sown.item.name.as_str())
                .push_bind(sown.item.name.key())
                .push_bind(sown.item.description.as_str())
                .push_bind(sown.item.category.as_str())
                .push_bind(prices.min())
                .push_bind(size(&sown.hearts))
                .push_bind(sown.sale.map_or(0, |(_, pieces)| pieces))
                .push("1, 1")
                .push_bind(sown.created_at)
                .push_bind(sown.created_at);
        });
        insert.build().execute(&mut *db).await?;
    }
    insert_options(db, items).await?;
    let hearts: Vec<_> = items
        .iter()
        .flat_map(|sown| sown.hearts.iter().map(|fan| (sown.id, *fan, sown.created_at)))
        .collect();
    insert_fans(db, "INSERT INTO hearts (item_id, member_id, created_at) ", &hearts).await?;
    insert_sales(db, items).await
}

async fn insert_options(db: &mut Connection, items: &[SeedItem]) -> sqlx::Result<()> {
    struct Row<'i> {
        sown: &'i SeedItem,
        id: Uuid,
        position: i64,
        option: &'i NewOption,
        sold: i64,
    }
    let options = items.iter().flat_map(|sown| {
        let with_ids = sown.option_ids.iter().zip(&sown.item.options);
        (0_i64..).zip(with_ids).map(move |(position, (id, option))| {
            let sold = sown.sale.filter(|_| position == 0).map_or(0, |(_, pieces)| pieces);
            Row { sown, id: *id, position, option, sold }
        })
    });
    let options: Vec<Row<'_>> = options.collect();
    for options in portions(&options, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO options (id, item_id, position, name, name_key, price, on_hand, reserved, sold, restocked, \
         supplied, live, created_at, updated_at) ",
        );
        insert.push_values(options, |mut row, Row { sown, id, position, option, sold }| {
            let on_hand = option.quantity.pieces();
            row.push_bind(*id)
                .push_bind(sown.id)
                .push_bind(*position)
                .push_bind(option.name.as_str())
                .push_bind(option.name.key())
                .push_bind(option.price.amount())
                .push_bind(on_hand)
                .push("0")
                .push_bind(*sold)
                .push("0")
                .push_bind(on_hand + sold)
                .push("1")
                .push_bind(sown.created_at)
                .push_bind(sown.created_at);
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}

async fn insert_fans(
    db: &mut Connection,
    into: &'static str,
    fans: &[(Uuid, Uuid, OffsetDateTime)],
) -> sqlx::Result<()> {
    for chunk in portions(fans, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(into);
        insert.push_values(chunk, |mut row, (subject, fan, since)| {
            row.push_bind(*subject).push_bind(*fan).push_bind(*since);
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}

async fn insert_sales(db: &mut Connection, items: &[SeedItem]) -> sqlx::Result<()> {
    let sales: Vec<_> = items
        .iter()
        .filter_map(|sown| {
            let (order_id, pieces) = sown.sale?;
            Some((order_id, *sown.option_ids.first()?, pieces, sown.created_at))
        })
        .collect();
    for sales in portions(&sales, ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO reservations (order_id, status, expires_at, created_at, updated_at) ",
        );
        insert.push_values(sales, |mut row, (order_id, _, _, at)| {
            row.push_bind(*order_id).push_bind(ReservationStatus::Confirmed.as_str());
            row.push_bind(*at).push_bind(*at).push_bind(*at);
        });
        insert.build().execute(&mut *db).await?;
        let mut insert =
            QueryBuilder::new("INSERT INTO reservation_lines (order_id, option_id, quantity, restocked) ");
        insert.push_values(sales, |mut row, (order_id, option_id, pieces, _)| {
            row.push_bind(*order_id).push_bind(*option_id).push_bind(*pieces).push("0");
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}

fn size<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
