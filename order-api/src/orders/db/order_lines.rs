//! The table `order_lines`.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::db::unknown;
use crate::orders::line::LineStatus;
use crate::orders::order::{Order, OrderLine, Payment, Refund};
use crate::quantity::Quantity;
use crate::settlement::day::BusinessDay;
use crate::settlement::db::settlement_days::NOT_CLOSED;

/// What [`LineRow`] reads.
pub(super) const COLUMNS: &str = "l.id, l.order_id, l.option_id, l.option_name, l.item_id, l.item_name, l.store_id, \
     l.store_name, l.seller_id, l.price, l.quantity, l.line_total, l.wish, l.status, l.paid_at, l.business_day, \
     l.refund_reason, l.refund_id, l.refund_day, l.refunded_at";

/// A line, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its order.
    pub order_id: Uuid,
    /// Who bought it.
    pub customer_id: MemberId,
    /// The line; it says who sold it.
    pub line: OrderLine,
}

/// Writes the lines of a new order.
pub(super) async fn insert(connection: &mut Connection, order: &Order) -> sqlx::Result<()> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "INSERT INTO order_lines (id, order_id, position, option_id, option_name, item_id, item_name, store_id, \
         store_name, seller_id, price, quantity, line_total, wish, status) ",
    );
    query.push_values((0_u16..).zip(&order.lines), |mut row, (position, line)| {
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
            .push_bind(line.wish)
            .push_bind(line.status.as_str());
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// The lines of these orders, each with its order's id, in their places.
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

/// Whether a line of a day was paid at `since` or later. Looks at one entry of the index `order_lines_by_day`.
pub async fn is_sold_since(
    connection: &mut Connection,
    day: BusinessDay,
    since: OffsetDateTime,
) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM order_lines WHERE business_day = ? AND paid_at >= ?)")
        .bind(day.date())
        .bind(since)
        .fetch_one(connection)
        .await
}

/// Locks a line until the transaction's end, so that of two who would change it one comes after the other.
pub async fn lock(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Owned>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT o.customer_id, ");
    query
        .push(COLUMNS)
        .push(" FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.id = ")
        .push_bind(id)
        .push(" FOR UPDATE");
    let row: Option<OwnedRow> = query.build_query_as().fetch_optional(connection).await?;
    row.map(OwnedRow::into_owned).transpose()
}

/// A line, and whose it is, without locking it.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Owned>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT o.customer_id, ");
    query
        .push(COLUMNS)
        .push(" FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.id = ")
        .push_bind(id);
    let row: Option<OwnedRow> = query.build_query_as().fetch_optional(connection).await?;
    row.map(OwnedRow::into_owned).transpose()
}

/// Marks every line of an order as bought and paid; false, and not one of them, where the day of the payment is closed.
/// The totals of that day must have been written before.
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

/// Marks every line of an order as not bought.
pub async fn fail(connection: &mut Connection, order_id: Uuid) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET status = 'FAILED' WHERE order_id = ?")
        .bind(order_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes what has become of a line whose money stays: its state, and the reason of a request.
pub async fn update(connection: &mut Connection, line: &OrderLine) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET status = ?, refund_reason = ? WHERE id = ?")
        .bind(line.status.as_str())
        .bind(line.refund_reason.as_deref())
        .bind(line.id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes that a line's money goes back; false, and nothing, where the day that its refund lowers is closed. The totals
/// of that day must have been written before.
pub async fn send_back(connection: &mut Connection, line: &OrderLine, refund: Refund) -> sqlx::Result<bool> {
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("UPDATE order_lines SET status = ?, refund_id = ?, refund_day = ? ");
    query.push("WHERE id = ? AND ").push(NOT_CLOSED);
    let sent = query
        .build()
        .bind(line.status.as_str())
        .bind(refund.id)
        .bind(refund.day.date())
        .bind(line.id)
        .bind(refund.day.date())
        .execute(connection)
        .await?;
    Ok(sent.rows_affected() == 1)
}

/// Notes when a line's money was back in the customer's wallet; the first time stays.
pub async fn paid_back(connection: &mut Connection, id: Uuid, at: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE order_lines SET refunded_at = ? WHERE id = ? AND refunded_at IS NULL")
        .bind(at)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct OwnedRow {
    customer_id: Uuid,
    #[sqlx(flatten)]
    line: LineRow,
}

impl OwnedRow {
    fn into_owned(self) -> sqlx::Result<Owned> {
        let (order_id, line) = self.line.into_line()?;
        Ok(Owned { order_id, customer_id: MemberId(self.customer_id), line })
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
    wish: Uuid,
    status: String,
    paid_at: Option<OffsetDateTime>,
    business_day: Option<Date>,
    refund_reason: Option<String>,
    refund_id: Option<Uuid>,
    refund_day: Option<Date>,
    refunded_at: Option<OffsetDateTime>,
}

impl LineRow {
    /// The line, behind its order's id.
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
            wish: self.wish,
            status: LineStatus::parse(&self.status).ok_or_else(|| unknown("status", &self.status))?,
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
