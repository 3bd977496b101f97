//! What is read of a member before the account is closed, and what is removed afterwards. The tables are those of the
//! other features.

use std::ops::AddAssign;

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};

use crate::checkout::CONFIRM_RESERVATION;
use crate::settlement::day::BusinessDay;

/// How many things there are, and the money in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub(super) struct Sum {
    pub(super) count: i64,
    pub(super) amount: Won,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        // It is only shown, and no sum of real money comes near the limit.
        self.amount = self.amount.checked_add(other.amount).unwrap_or(self.amount);
    }
}

/// The orders of a customer that are not finished: PENDING ones, and those that may still be given up because their stock
/// is gone. The read locks, and so waits for an order that is being placed.
pub(super) async fn orders_of_customer(connection: &mut Connection, member: MemberId) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(o.total), 0) AS SIGNED) AS amount FROM orders o \
         WHERE o.customer_id = ? AND (o.status = 'PENDING' OR EXISTS \
         (SELECT 1 FROM outbox d WHERE d.subject_id = o.id AND d.kind = ?)) FOR UPDATE",
    )
    .bind(member.0)
    .bind(CONFIRM_RESERVATION.as_str())
    .fetch_one(connection)
    .await
}

/// The orders with lines of a seller that are not paid yet, and their lines of this seller.
pub(super) async fn unpaid_orders_of_seller(
    connection: &mut Connection,
    member: MemberId,
) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT COUNT(DISTINCT order_id) AS count, CAST(COALESCE(SUM(line_total), 0) AS SIGNED) AS amount \
         FROM order_lines WHERE seller_id = ? AND paid_at IS NULL AND status = 'PENDING'",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// The paid orders with lines of a seller that may still be given up because their stock is gone.
pub(super) async fn unconfirmed_orders_of_seller(
    connection: &mut Connection,
    member: MemberId,
) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT COUNT(DISTINCT l.order_id) AS count, CAST(COALESCE(SUM(l.line_total), 0) AS SIGNED) AS amount \
         FROM outbox d STRAIGHT_JOIN order_lines l ON l.order_id = d.subject_id \
         WHERE d.kind = ? AND l.seller_id = ?",
    )
    .bind(CONFIRM_RESERVATION.as_str())
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// The lines of a customer whose refund is not answered, or is not in the wallet yet.
pub(super) async fn refunds_of_customer(connection: &mut Connection, member: MemberId) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(l.line_total), 0) AS SIGNED) AS amount \
         FROM orders o STRAIGHT_JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = ? \
         AND (l.status = 'REFUND_REQUESTED' OR (l.refund_id IS NOT NULL AND l.refunded_at IS NULL))",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// The lines of a seller whose refund is to be answered.
pub(super) async fn refunds_of_seller(connection: &mut Connection, member: MemberId) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(line_total), 0) AS SIGNED) AS amount \
         FROM order_lines WHERE seller_id = ? AND paid_at IS NOT NULL AND status = 'REFUND_REQUESTED'",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// Those of these days that are not settled for a seller, and do not come to zero.
pub(super) async fn unsettled_days(
    connection: &mut Connection,
    member: MemberId,
    days: &[BusinessDay],
) -> sqlx::Result<Sum> {
    if days.is_empty() {
        return Ok(Sum::default());
    }
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(net), 0) AS SIGNED) AS amount FROM \
         (SELECT SUM(t.gross) - SUM(t.refunds) AS net FROM seller_day_totals t WHERE (t.business_day, t.seller_id) IN ",
    );
    query.push_tuples(days, |mut key, day| {
        key.push_bind(day.date()).push_bind(member.0);
    });
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM settlements s \
         WHERE s.business_day = t.business_day AND s.seller_id = t.seller_id) \
         GROUP BY t.business_day HAVING net <> 0) AS unsettled",
    );
    query.build_query_as().fetch_one(connection).await
}

/// The settlements of a seller that are not paid: those of payouts that are on their way, and the others unless they come to
/// zero, for which there is no payout.
pub(super) async fn pending_settlements(connection: &mut Connection, member: MemberId) -> sqlx::Result<Sum> {
    sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(days), 0) AS SIGNED) AS count, CAST(COALESCE(SUM(net), 0) AS SIGNED) AS amount FROM \
         (SELECT COUNT(*) AS days, SUM(gross - refunds) AS net, payout_id IS NOT NULL AS is_bound FROM settlements \
          WHERE seller_id = ? AND status = 'PENDING' GROUP BY is_bound HAVING net <> 0 OR is_bound) AS pending",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// Replaces the name of a customer in all orders.
pub(super) async fn replace_customer_name(
    connection: &mut Connection,
    member: MemberId,
    name: &str,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET customer_name = ? WHERE customer_id = ? AND customer_name IS NOT NULL")
        .bind(name)
        .bind(member.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the reasons of a customer's requests from the lines.
pub(super) async fn remove_refund_reasons(connection: &mut Connection, member: MemberId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE orders o STRAIGHT_JOIN order_lines l ON l.order_id = o.id SET l.refund_reason = NULL \
         WHERE o.customer_id = ? AND l.refund_reason IS NOT NULL",
    )
    .bind(member.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the reasons that a customer has given from the histories of the lines.
pub(super) async fn remove_reasons_of_changes(
    connection: &mut Connection,
    member: MemberId,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE orders o STRAIGHT_JOIN order_lines l ON l.order_id = o.id \
         STRAIGHT_JOIN line_changes c ON c.line_id = l.id SET c.reason = NULL \
         WHERE o.customer_id = ? AND c.actor = 'CUSTOMER' AND c.reason IS NOT NULL",
    )
    .bind(member.0)
    .execute(connection)
    .await?;
    Ok(())
}
