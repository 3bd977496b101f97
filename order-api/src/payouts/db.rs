//! The table `payouts`.

use access::MemberId;
use database::Connection;
use money::Won;
use paging::TimePosition;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::payout::Payout;
use crate::db::push_after;
use crate::settlement::day::BusinessDay;
use crate::settlement::seller_settlement::DayRange;

/// Inserts a payout.
pub async fn insert(connection: &mut Connection, payout: &Payout) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payouts (id, seller_id, from_day, to_day, amount, days, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(payout.id)
    .bind(payout.seller_id.0)
    .bind(payout.range.from.date())
    .bind(payout.range.to.date())
    .bind(payout.amount)
    .bind(payout.days)
    .bind(payout.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// A payout.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Payout>> {
    let row: Option<PayoutRow> = sqlx::query_as(
        "SELECT id, seller_id, from_day, to_day, amount, days, created_at, paid_at FROM payouts WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(PayoutRow::into_payout))
}

/// Records when the money of a payout was in the wallet of the seller. The first time that is recorded stays.
pub async fn record_paid(connection: &mut Connection, id: Uuid, at: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE payouts SET paid_at = ? WHERE id = ? AND paid_at IS NULL")
        .bind(at)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The payouts of a seller, the newest first; only those after `after`, which the page before ended with.
pub async fn list(
    connection: &mut Connection,
    seller_id: MemberId,
    after: Option<TimePosition>,
    rows: u32,
) -> sqlx::Result<Vec<Payout>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT id, seller_id, from_day, to_day, amount, days, created_at, paid_at FROM payouts \
         WHERE seller_id = ",
    );
    query.push_bind(seller_id.0);
    if let Some(after) = after {
        push_after(&mut query, after, "created_at", "id");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(rows);
    let rows: Vec<PayoutRow> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(PayoutRow::into_payout).collect())
}

#[derive(FromRow)]
struct PayoutRow {
    id: Uuid,
    seller_id: Uuid,
    from_day: Date,
    to_day: Date,
    amount: Won,
    days: u32,
    created_at: OffsetDateTime,
    paid_at: Option<OffsetDateTime>,
}

impl PayoutRow {
    fn into_payout(self) -> Payout {
        let [from, to] = [self.from_day, self.to_day].map(BusinessDay::from_date);
        Payout {
            id: self.id,
            seller_id: MemberId(self.seller_id),
            range: DayRange { from, to },
            amount: self.amount,
            days: self.days,
            created_at: self.created_at,
            paid_at: self.paid_at,
        }
    }
}
