//! The table `orders`.

use access::MemberId;
use database::Connection;
use money::Won;
use paging::TimePosition;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::order_lines;
use crate::db::{push_after, unknown};
use crate::orders::order::{Failure, Order, OrderLine, OrderStatus};

/// Which of a customer's orders to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only orders that were placed at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Only orders that were placed before this time.
    pub until: Option<OffsetDateTime>,
    /// Only orders with this status: `PENDING`, `CONFIRMED` or `FAILED`.
    pub status: Option<&'static str>,
    /// Only orders after this one, which the page before ended with.
    pub after: Option<TimePosition>,
}

/// Inserts an order with its lines.
pub async fn insert(connection: &mut Connection, order: &Order) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO orders (id, customer_id, status, failure, total, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(order.id)
    .bind(order.customer_id.0)
    .bind(order.status.as_str())
    .bind(order.status.failure().map(Failure::as_str))
    .bind(order.total)
    .bind(order.created_at)
    .execute(&mut *connection)
    .await?;
    order_lines::insert(connection, order).await
}

/// An order with its lines.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Order>> {
    let row: Option<OrderRow> =
        sqlx::query_as("SELECT id, customer_id, status, failure, total, created_at FROM orders WHERE id = ?")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
    let orders = with_lines(connection, row.into_iter().collect()).await?;
    Ok(orders.into_iter().next())
}

/// An order with its lines, if it belongs to this customer.
pub async fn find_of(
    connection: &mut Connection,
    customer_id: MemberId,
    id: Uuid,
) -> sqlx::Result<Option<Order>> {
    Ok(find(connection, id).await?.filter(|order| order.customer_id == customer_id))
}

/// The orders of a customer with their lines, the newest first.
pub async fn list(
    connection: &mut Connection,
    customer_id: MemberId,
    filter: &Filter,
    rows: u32,
) -> sqlx::Result<Vec<Order>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT id, customer_id, status, failure, total, created_at FROM orders WHERE customer_id = ",
    );
    query.push_bind(customer_id.0);
    if let Some(from) = filter.from {
        query.push(" AND created_at >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        query.push(" AND created_at < ").push_bind(until);
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(after) = filter.after {
        push_after(&mut query, after, "created_at", "id");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(rows);
    let rows: Vec<OrderRow> = query.build_query_as().fetch_all(&mut *connection).await?;
    with_lines(connection, rows).await
}

/// Marks an order as paid, and stores the name of its customer.
pub async fn confirm(connection: &mut Connection, id: Uuid, customer_name: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET status = 'CONFIRMED', customer_name = ? WHERE id = ?")
        .bind(customer_name)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks an order as failed.
pub async fn fail(connection: &mut Connection, id: Uuid, failure: Failure) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET status = 'FAILED', failure = ? WHERE id = ?")
        .bind(failure.as_str())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn with_lines(connection: &mut Connection, rows: Vec<OrderRow>) -> sqlx::Result<Vec<Order>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut lines = order_lines::of_orders(connection, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let own =
                lines.extract_if(.., |(order_id, _)| *order_id == row.id).map(|(_, line)| line).collect();
            row.into_order(own)
        })
        .collect()
}

#[derive(FromRow)]
struct OrderRow {
    id: Uuid,
    customer_id: Uuid,
    status: String,
    failure: Option<String>,
    total: Won,
    created_at: OffsetDateTime,
}

impl OrderRow {
    fn into_order(self, lines: Vec<OrderLine>) -> sqlx::Result<Order> {
        let status = OrderStatus::parse(&self.status, self.failure.as_deref());
        Ok(Order {
            id: self.id,
            customer_id: MemberId(self.customer_id),
            status: status.ok_or_else(|| unknown("status", &self.status))?,
            total: self.total,
            created_at: self.created_at,
            lines,
        })
    }
}
