//! Sales: the table `order_lines`, by seller.

use access::MemberId;
use database::Connection;
use paging::TimePosition;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::order_lines::{COLUMNS, LineRow};
use crate::db::push_after;
use crate::orders::line::LineStatus;
use crate::orders::order::OrderLine;
use crate::settlement::day::BusinessDay;

/// A paid order line as its seller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The order.
    pub order_id: Uuid,
    /// When the order was placed.
    pub created_at: OffsetDateTime,
    /// The name of the customer. The seller learns nothing else about the customer.
    pub customer_name: String,
    /// The line.
    pub line: OrderLine,
}

impl Sale {
    /// The position in the list.
    pub fn position(&self) -> TimePosition {
        TimePosition { at: self.line.paid.map_or(self.created_at, |paid| paid.at), id: self.line.id }
    }
}

/// Which of a seller's sales to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this store.
    pub store_id: Option<Uuid>,
    /// Only lines that were paid on this business day or later.
    pub from: Option<BusinessDay>,
    /// Only lines that were paid on this business day or earlier.
    pub to: Option<BusinessDay>,
    /// Only lines with this status.
    pub status: Option<LineStatus>,
    /// Only sales after this one, which the page before ended with.
    pub after: Option<TimePosition>,
}

/// The sales of a seller, the newest first.
pub async fn list(
    connection: &mut Connection,
    seller_id: MemberId,
    filter: &Filter,
    rows: u32,
) -> sqlx::Result<Vec<Sale>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new("SELECT o.created_at, o.customer_name, ");
    query
        .push(COLUMNS)
        .push(" FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.seller_id = ")
        .push_bind(seller_id.0)
        // A line that was not paid is not a sale.
        .push(" AND l.paid_at IS NOT NULL");
    if let Some(store_id) = filter.store_id {
        query.push(" AND l.store_id = ").push_bind(store_id);
    }
    if let Some(from) = filter.from {
        query.push(" AND l.paid_at >= ").push_bind(from.start());
    }
    if let Some(to) = filter.to {
        query.push(" AND l.paid_at < ").push_bind(to.end());
    }
    if let Some(status) = filter.status {
        query.push(" AND l.status = ").push_bind(status.as_str());
    }
    if let Some(after) = filter.after {
        push_after(&mut query, after, "l.paid_at", "l.id");
    }
    query.push(" ORDER BY l.paid_at DESC, l.id DESC LIMIT ").push_bind(rows);
    let rows: Vec<SaleRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(SaleRow::into_sale).collect()
}

#[derive(FromRow)]
struct SaleRow {
    created_at: OffsetDateTime,
    customer_name: Option<String>,
    #[sqlx(flatten)]
    line: LineRow,
}

impl SaleRow {
    fn into_sale(self) -> sqlx::Result<Sale> {
        let (order_id, line) = self.line.into_line()?;
        let customer_name = self.customer_name.unwrap_or_default();
        Ok(Sale { order_id, created_at: self.created_at, customer_name, line })
    }
}
