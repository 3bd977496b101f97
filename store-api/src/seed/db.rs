//! Writes the rows of a catalogue, many with each statement.

use database::Connection;
use sqlx::QueryBuilder;
use store_client::ReservationStatus;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{SeedItem, SeedStore};
use crate::db::{insert_rows, number, padded, push_list, unreadable};
use crate::items::{NewOption, lowest_price};

/// One statement writes this many rows.
const ROWS_AT_ONCE: usize = 1_024;

/// A store or an item of the catalogue.
pub(super) trait SeedRow: Send + Sync + Sized + 'static {
    /// Counts rows by their ids. The list of ids comes after it.
    const COUNT: &'static str;

    /// Its id.
    fn id(&self) -> Uuid;

    /// Writes rows with everything that belongs to them.
    fn insert(connection: &mut Connection, rows: &[Self]) -> impl Future<Output = sqlx::Result<()>> + Send;
}

impl SeedRow for SeedStore {
    const COUNT: &'static str = "SELECT COUNT(*) FROM stores WHERE id IN ";

    fn id(&self) -> Uuid {
        self.id
    }

    /// Writes stores with their follows.
    async fn insert(connection: &mut Connection, stores: &[Self]) -> sqlx::Result<()> {
        let into = "INSERT INTO stores (id, seller_id, name, name_key, description, followers, version, live, created_at, \
             updated_at) ";
        insert_rows(connection, into, stores, ROWS_AT_ONCE, |mut row, seed| {
            row.push_bind(seed.id)
                .push_bind(seed.seller_id)
                .push_bind(seed.store.name.as_str())
                .push_bind(seed.store.name.key())
                .push_bind(seed.store.description.as_str())
                .push_bind(size(&seed.followers))
                .push("1, 1")
                .push_bind(seed.created_at)
                .push_bind(seed.created_at);
        })
        .await?;
        let follows: Vec<_> = stores
            .iter()
            .flat_map(|seed| seed.followers.iter().map(|member| (seed.id, *member, seed.created_at)))
            .collect();
        insert_marks(connection, "INSERT INTO follows (store_id, member_id, created_at) ", &follows).await
    }
}

impl SeedRow for SeedItem {
    const COUNT: &'static str = "SELECT COUNT(*) FROM items WHERE id IN ";

    fn id(&self) -> Uuid {
        self.id
    }

    /// Writes items with their options, hearts and sales.
    async fn insert(connection: &mut Connection, items: &[Self]) -> sqlx::Result<()> {
        let into = "INSERT INTO items (id, store_id, seller_id, name, name_key, description, category, min_price, hearts, \
             sold, version, live, created_at, updated_at) ";
        insert_rows(connection, into, items, ROWS_AT_ONCE, |mut row, seed| {
            let options = &seed.item.options;
            let prices = options.iter().map(|option| (option.price.amount(), option.quantity.pieces()));
            row.push_bind(seed.id)
                .push_bind(seed.store_id)
                .push_bind(seed.seller_id)
                .push_bind(seed.item.name.as_str())
                .push_bind(seed.item.name.key())
                .push_bind(seed.item.description.as_str())
                .push_bind(seed.item.category.as_str())
                .push_bind(lowest_price(prices))
                .push_bind(size(&seed.hearts))
                .push_bind(seed.sale.map_or(0, |(_, pieces)| pieces))
                .push("1, 1")
                .push_bind(seed.created_at)
                .push_bind(seed.created_at);
        })
        .await?;
        insert_options(connection, items).await?;
        let hearts: Vec<_> = items
            .iter()
            .flat_map(|seed| seed.hearts.iter().map(|member| (seed.id, *member, seed.created_at)))
            .collect();
        insert_marks(connection, "INSERT INTO hearts (item_id, member_id, created_at) ", &hearts).await?;
        insert_sales(connection, items).await
    }
}

/// How many rows with these ids exist.
pub(super) async fn count<R: SeedRow>(connection: &mut Connection, ids: &[Uuid]) -> sqlx::Result<usize> {
    let mut query = QueryBuilder::new(R::COUNT);
    push_list(&mut query, padded(ids).copied());
    let count: i64 = query.build_query_scalar().fetch_one(connection).await?;
    usize::try_from(count).map_err(|error| unreadable("COUNT(*)", error))
}

/// The number of an item.
pub(super) async fn item_number(connection: &mut Connection, id: Uuid) -> sqlx::Result<u32> {
    let stored: i64 =
        sqlx::query_scalar("SELECT number FROM items WHERE id = ?").bind(id).fetch_one(connection).await?;
    number(stored)
}

async fn insert_options(connection: &mut Connection, items: &[SeedItem]) -> sqlx::Result<()> {
    struct Row<'i> {
        seed: &'i SeedItem,
        id: Uuid,
        position: i64,
        option: &'i NewOption,
        sold: i64,
    }
    let options = items.iter().flat_map(|seed| {
        let with_ids = seed.option_ids.iter().zip(&seed.item.options);
        (0_i64..).zip(with_ids).map(move |(position, (id, option))| {
            let sold = seed.sale.filter(|_| position == 0).map_or(0, |(_, pieces)| pieces);
            Row { seed, id: *id, position, option, sold }
        })
    });
    let options: Vec<Row<'_>> = options.collect();
    let into = "INSERT INTO options (id, item_id, position, name, name_key, price, on_hand, reserved, sold, restocked, \
         supplied, live, created_at, updated_at) ";
    insert_rows(
        connection,
        into,
        &options,
        ROWS_AT_ONCE,
        |mut row, Row { seed, id, position, option, sold }| {
            let on_hand = option.quantity.pieces();
            row.push_bind(*id)
                .push_bind(seed.id)
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
                .push_bind(seed.created_at)
                .push_bind(seed.created_at);
        },
    )
    .await
}

async fn insert_marks(
    connection: &mut Connection,
    into: &'static str,
    marks: &[(Uuid, Uuid, OffsetDateTime)],
) -> sqlx::Result<()> {
    insert_rows(connection, into, marks, ROWS_AT_ONCE, |mut row, (id, member, since)| {
        row.push_bind(*id).push_bind(*member).push_bind(*since);
    })
    .await
}

/// Writes the sales as confirmed reservations, one for each item that was sold.
async fn insert_sales(connection: &mut Connection, items: &[SeedItem]) -> sqlx::Result<()> {
    let sales: Vec<_> = items
        .iter()
        .filter_map(|seed| {
            let (order_id, pieces) = seed.sale?;
            Some((order_id, *seed.option_ids.first()?, pieces, seed.created_at))
        })
        .collect();
    let into = "INSERT INTO reservations (order_id, status, expires_at, created_at, updated_at) ";
    insert_rows(connection, into, &sales, ROWS_AT_ONCE, |mut row, (order_id, _, _, at)| {
        row.push_bind(*order_id).push_bind(ReservationStatus::Confirmed.as_str());
        row.push_bind(*at).push_bind(*at).push_bind(*at);
    })
    .await?;
    let into = "INSERT INTO reservation_lines (order_id, option_id, quantity, restocked) ";
    insert_rows(connection, into, &sales, ROWS_AT_ONCE, |mut row, (order_id, option_id, pieces, _)| {
        row.push_bind(*order_id).push_bind(*option_id).push_bind(*pieces).push("0");
    })
    .await
}

fn size<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
