//! The table `options`, as sellers edit it. What orders do to its stock columns is in `stock/db/stock.rs`.

use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{padded, push_list};
use crate::items::{ItemOption, NewOption};

/// The unique key over the names of an item's live options.
pub const NAME_KEY: &str = "options_name_key";

macro_rules! columns {
    () => {
        "id, name, name_key, price, on_hand"
    };
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    name_key: String,
    price: Won,
    on_hand: i64,
}

impl From<Row> for ItemOption {
    fn from(row: Row) -> Self {
        let Row { id, name, name_key, price, on_hand } = row;
        Self { id, name, name_key, price, on_hand }
    }
}

/// Writes new options with their ids after those that the item has. The caller has locked the item. A taken name fails on
/// [`NAME_KEY`].
pub async fn insert(
    connection: &mut Connection,
    item_id: Uuid,
    options: &[(Uuid, NewOption)],
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    let first_position: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM options WHERE item_id = ?")
        .bind(item_id)
        .fetch_one(&mut *connection)
        .await?;
    let mut insert = QueryBuilder::new(
        "INSERT INTO options (id, item_id, position, name, name_key, price, on_hand, reserved, sold, restocked, \
         supplied, live, created_at, updated_at) ",
    );
    insert.push_values((first_position..).zip(options), |mut row, (position, (id, option))| {
        row.push_bind(*id)
            .push_bind(item_id)
            .push_bind(position)
            .push_bind(option.name.as_str())
            .push_bind(option.name.key())
            .push_bind(option.price.amount())
            .push_bind(option.quantity.pieces())
            .push("0, 0, 0")
            .push_bind(option.quantity.pieces())
            .push("1")
            .push_bind(now)
            .push_bind(now);
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// The live options of an item, in the order in which they were added.
pub async fn of_item(connection: &mut Connection, item_id: Uuid) -> sqlx::Result<Vec<ItemOption>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM options WHERE item_id = ? AND live = 1 ORDER BY position"
    ))
    .bind(item_id)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(ItemOption::from).collect())
}

/// Locks a live option of this item until the transaction ends.
pub async fn lock(connection: &mut Connection, id: Uuid, item_id: Uuid) -> sqlx::Result<Option<ItemOption>> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM options WHERE id = ? AND item_id = ? AND live = 1 FOR UPDATE"
    ))
    .bind(id)
    .bind(item_id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(ItemOption::from))
}

/// Locks the live options of a locked item until the transaction ends, and returns them in the order in which they were added.
/// They are locked in the order of their ids, as orders lock them.
pub async fn lock_of_item(connection: &mut Connection, item_id: Uuid) -> sqlx::Result<Vec<ItemOption>> {
    #[derive(FromRow)]
    struct Locked {
        #[sqlx(flatten)]
        option: Row,
        position: i32,
    }
    // The item is locked, so no option is added or deleted meanwhile.
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM options WHERE item_id = ? AND live = 1")
        .bind(item_id)
        .fetch_all(&mut *connection)
        .await?;
    let mut query = QueryBuilder::new(concat!(
        "SELECT ",
        columns!(),
        ", position FROM options FORCE INDEX (PRIMARY) WHERE id IN "
    ));
    push_list(&mut query, padded(&ids).copied());
    query.push(" ORDER BY id FOR UPDATE");
    let mut locked: Vec<Locked> = query.build_query_as().fetch_all(connection).await?;
    locked.sort_unstable_by_key(|locked| locked.position);
    Ok(locked.into_iter().map(|Locked { option, .. }| option.into()).collect())
}

/// Updates the locked option of the same id. `supplied` is how many pieces the seller has added, or, if negative, has
/// taken away.
pub async fn update(
    connection: &mut Connection,
    option: &ItemOption,
    supplied: i64,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE options SET name = ?, name_key = ?, price = ?, on_hand = on_hand + ?, supplied = supplied + ?, \
         updated_at = ? WHERE id = ?",
    )
    .bind(&option.name)
    .bind(&option.name_key)
    .bind(option.price)
    .bind(supplied)
    .bind(supplied)
    .bind(now)
    .bind(option.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes an option off sale. Its row keeps its stock, for the reservations that hold pieces of it.
pub async fn delete(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET live = NULL, deleted_at = ?, updated_at = ? WHERE id = ?")
        .bind(now)
        .bind(now)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
