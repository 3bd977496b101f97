//! The table `order_lines`.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::db::{parse, unknown};
use crate::orders::order::{Order, OrderLine, Payment, Refund};
use crate::quantity::Quantity;
use crate::settlement::day::BusinessDay;
use crate::settlement::db::settlement_days::NOT_CLOSED;

/// The columns of [`LineRow`].
pub(super) const COLUMNS: &str = "l.id, l.order_id, l.option_id, l.option_name, l.item_id, l.item_name, l.store_id, \
     l.store_name, l.seller_id, l.price, l.quantity, l.line_total, l.wish, l.status, l.paid_at, l.business_day, \
     l.refund_reason, l.refund_id, l.refund_day, l.refunded_at";

/// The unique key that keeps a version of a cart line in one order that has not failed.
pub const HELD_VERSION_KEY: &str = "order_lines_held_version_key";

/// A line, its customer and its seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineWithOwners {
    /// The order of the line.
    pub order_id: Uuid,
    /// The customer who has bought it.
    pub customer_id: MemberId,
    /// The line, with the seller.
    pub line: OrderLine,
}

/// Inserts the lines of an order. An error of [`HELD_VERSION_KEY`] means that another order that has not failed holds the
/// version of a line.
pub(super) async fn insert(connection: &mut Connection, order: &Order) -> sqlx::Result<()> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "INSERT INTO order_lines (id, order_id, position, option_id, option_name, item_id, item_name, store_id, \
         store_name, seller_id, price, quantity, line_total, wish, status) ",
    );
    // In the order of their versions: two orders of the same lines do not wait for each other.
    let mut lines: Vec<(u16, &OrderLine)> = (0..).zip(&order.lines).collect();
    lines.sort_unstable_by_key(|(_, line)| line.line_version);
    query.push_values(lines, |mut row, (position, line)| {
        row.push_bind(line.id)
            .push_bind(order.id)
            .push_bind(position)
            .push_bind(line.option_id)
            .push_bind(line.option_name.clone())
            .push_bind(line.item_id)
            .push_bind(line.item_name.clone())
            .push_bind(line.store_id)
            .push_bind(line.store_name.clone())
            .push_bind(line.seller_id.0)
            .push_bind(line.price)
            .push_bind(line.quantity.get())
            .push_bind(line.total)
            .push_bind(line.line_version)
            .push_bind(line.status.as_str());
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// The lines that hold one of these versions of cart lines, each with the id of its order.
pub async fn holding(connection: &mut Connection, versions: &[Uuid]) -> sqlx::Result<Vec<(Uuid, OrderLine)>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM order_lines l WHERE l.held_version IN (");
    let mut ids = query.separated(", ");
    for version in versions {
        ids.push_bind(*version);
    }
    query.push(") ORDER BY l.held_version");
    let rows: Vec<LineRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(LineRow::into_line).collect()
}

/// The lines of these orders, each with the id of its order; those of one order are in the order of the cart.
pub(super) async fn of_orders(
    connection: &mut Connection,
    order_ids: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, OrderLine)>> {
    if order_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM order_lines l WHERE l.order_id IN (");
    let mut ids = query.separated(", ");
    for id in order_ids {
        ids.push_bind(*id);
    }
    query.push(") ORDER BY l.order_id, l.position");
    let rows: Vec<LineRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(LineRow::into_line).collect()
}

/// A line with its owners. Locks the line until the end of the transaction, so that two changes of it happen one after the
/// other.
pub async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<LineWithOwners>> {
    fetch_with_owners(connection, id, " FOR UPDATE").await
}

/// A line with its owners, without a lock.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<LineWithOwners>> {
    fetch_with_owners(connection, id, "").await
}

async fn fetch_with_owners(
    connection: &mut Connection,
    id: Uuid,
    locking: &'static str,
) -> sqlx::Result<Option<LineWithOwners>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT o.customer_id, ");
    query
        .push(COLUMNS)
        .push(" FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.id = ")
        .push_bind(id)
        .push(locking);
    let row: Option<LineWithOwnersRow> = query.build_query_as().fetch_optional(connection).await?;
    row.map(LineWithOwnersRow::into_line).transpose()
}

/// Marks all lines of an order as paid. If the day of the payment is closed, changes nothing and returns false. The totals
/// of that day must have been written before.
pub async fn confirm(connection: &mut Connection, order_id: Uuid, payment: Payment) -> sqlx::Result<bool> {
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("UPDATE order_lines SET status = 'ORDERED', paid_at = ?, business_day = ? ");
    query.push("WHERE order_id = ? AND ").push(NOT_CLOSED);
    let confirmed = query
        .build()
        .bind(payment.at)
        .bind(payment.day.date())
        .bind(order_id)
        .bind(payment.day.date())
        .execute(connection)
        .await?;
    Ok(confirmed.rows_affected() > 0)
}

/// Marks all lines of an order as failed. The versions of the cart lines that they hold are free then.
pub async fn fail(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET status = 'FAILED' WHERE order_id = ?")
        .bind(order_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Updates a line without a refund: its status, and the reason of a request.
pub async fn update(connection: &mut Connection, line: &OrderLine) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET status = ?, refund_reason = ? WHERE id = ?")
        .bind(line.status.as_str())
        .bind(line.refund_reason.as_deref())
        .bind(line.id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Updates a line with a refund. If the day that the refund lowers is closed, changes nothing and returns false. The totals
/// of that day must have been written before.
pub async fn refund(connection: &mut Connection, line: &OrderLine, refund: Refund) -> sqlx::Result<bool> {
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("UPDATE order_lines SET status = ?, refund_id = ?, refund_day = ? ");
    query.push("WHERE id = ? AND ").push(NOT_CLOSED);
    let updated = query
        .build()
        .bind(line.status.as_str())
        .bind(refund.id)
        .bind(refund.day.date())
        .bind(line.id)
        .bind(refund.day.date())
        .execute(connection)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Records when the refund of a line was in the customer's wallet. The first time that is recorded stays.
pub async fn record_paid_back(connection: &mut Connection, id: Uuid, at: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET refunded_at = ? WHERE id = ? AND refunded_at IS NULL")
        .bind(at)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct LineWithOwnersRow {
    customer_id: Uuid,
    #[sqlx(flatten)]
    line: LineRow,
}

impl LineWithOwnersRow {
    fn into_line(self) -> sqlx::Result<LineWithOwners> {
        let (order_id, line) = self.line.into_line()?;
        Ok(LineWithOwners { order_id, customer_id: MemberId(self.customer_id), line })
    }
}

#[derive(FromRow)]
pub(super) struct LineRow {
    id: Uuid,
    order_id: Uuid,
    option_id: Uuid,
    option_name: String,
    item_id: Uuid,
    item_name: String,
    store_id: Uuid,
    store_name: String,
    seller_id: Uuid,
    price: Won,
    quantity: u32,
    line_total: Won,
    #[sqlx(rename = "wish")]
    line_version: Uuid,
    status: String,
    paid_at: Option<OffsetDateTime>,
    business_day: Option<Date>,
    refund_reason: Option<String>,
    refund_id: Option<Uuid>,
    refund_day: Option<Date>,
    refunded_at: Option<OffsetDateTime>,
}

impl LineRow {
    /// The id of the order, and the line.
    pub(super) fn into_line(self) -> sqlx::Result<(Uuid, OrderLine)> {
        let paid = self.paid_at.zip(self.business_day);
        let refund = self.refund_id.zip(self.refund_day);
        let line = OrderLine {
            id: self.id,
            option_id: self.option_id,
            option_name: self.option_name,
            item_id: self.item_id,
            item_name: self.item_name,
            store_id: self.store_id,
            store_name: self.store_name,
            seller_id: MemberId(self.seller_id),
            price: self.price,
            quantity: Quantity::new(self.quantity)
                .ok_or_else(|| unknown("quantity", &self.quantity.to_string()))?,
            total: self.line_total,
            line_version: self.line_version,
            status: parse("status", &self.status)?,
            paid: paid.map(|(at, day)| Payment { at, day: BusinessDay::from_date(day) }),
            refund: refund.map(|(id, day)| Refund {
                id,
                day: BusinessDay::from_date(day),
                paid_back_at: self.refunded_at,
            }),
            refund_reason: self.refund_reason,
        };
        Ok((self.order_id, line))
    }
}
