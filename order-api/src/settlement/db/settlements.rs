//! The table `settlements`.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::Date;
use uuid::Uuid;

use crate::db::parse;
use crate::settlement::day::BusinessDay;
use crate::settlement::seller_settlement::{DayRange, Settlement, SettlementStatus};

/// The last seller, in the order of ids, who has a settlement of a day.
pub async fn last_seller(connection: &mut Connection, day: BusinessDay) -> sqlx::Result<Option<Uuid>> {
    let row: (Option<Uuid>,) =
        sqlx::query_as("SELECT MAX(seller_id) FROM settlements WHERE business_day = ?")
            .bind(day.date())
            .fetch_one(connection)
            .await?;
    Ok(row.0)
}

/// How many sellers after `after` have a settlement of a day.
pub async fn count_after(connection: &mut Connection, day: BusinessDay, after: Uuid) -> sqlx::Result<u64> {
    let row: (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM settlements WHERE business_day = ? AND seller_id > ?")
            .bind(day.date())
            .bind(after)
            .fetch_one(connection)
            .await?;
    Ok(row.0.unsigned_abs())
}

/// Writes the settlements of a day, from the totals, for the first `limit` sellers after `after`. Returns how many.
pub async fn write(
    connection: &mut Connection,
    day: BusinessDay,
    after: Uuid,
    limit: u32,
) -> sqlx::Result<u64> {
    let written = sqlx::query(
        "INSERT INTO settlements (business_day, seller_id, gross, refunds, status) \
         SELECT business_day, seller_id, SUM(gross), SUM(refunds), 'PENDING' FROM seller_day_totals \
         WHERE business_day = ? AND seller_id > ? GROUP BY business_day, seller_id ORDER BY seller_id LIMIT ?",
    )
    .bind(day.date())
    .bind(after)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(written.rows_affected())
}

/// Binds settlements of a seller to a payout: the pending ones of a range of days, and those of any other day that are
/// below zero. A settlement that belongs to another payout is left out. Returns the number of settlements, and their sum.
pub async fn bind(
    connection: &mut Connection,
    seller_id: MemberId,
    range: DayRange,
    payout_id: Uuid,
) -> sqlx::Result<(u32, Won)> {
    sqlx::query(
        "UPDATE settlements SET payout_id = ? \
         WHERE seller_id = ? AND payout_id IS NULL AND status = 'PENDING' \
         AND (business_day BETWEEN ? AND ? OR gross < refunds)",
    )
    .bind(payout_id)
    .bind(seller_id.0)
    .bind(range.from.date())
    .bind(range.to.date())
    .execute(&mut *connection)
    .await?;
    // They are counted by their payout, not by the conditions above: a settlement that was written in between is not bound,
    // and must not be counted.
    let (days, amount): (i64, Won) = sqlx::query_as(
        "SELECT COUNT(*), CAST(COALESCE(SUM(gross - refunds), 0) AS SIGNED) FROM settlements \
         WHERE seller_id = ? AND payout_id = ?",
    )
    .bind(seller_id.0)
    .bind(payout_id)
    .fetch_one(connection)
    .await?;
    Ok((u32::try_from(days).unwrap_or(u32::MAX), amount))
}

/// Marks the settlements of a payout as paid.
pub async fn mark_paid(
    connection: &mut Connection,
    seller_id: MemberId,
    payout_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE settlements SET status = 'PAID' WHERE seller_id = ? AND payout_id = ?")
        .bind(seller_id.0)
        .bind(payout_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Which of a seller's settlements to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this day or later.
    pub from: Option<BusinessDay>,
    /// Only of this day or earlier.
    pub to: Option<BusinessDay>,
    /// Only with this status.
    pub status: Option<SettlementStatus>,
    /// Only of days before this one, which the page before ended with.
    pub before: Option<BusinessDay>,
}

/// The settlements of a seller, the newest day first.
pub async fn list(
    connection: &mut Connection,
    seller_id: MemberId,
    filter: &Filter,
    rows: u32,
) -> sqlx::Result<Vec<Settlement>> {
    let mut query: QueryBuilder<MySql> = QueryBuilder::new(
        "SELECT business_day, gross, refunds, status, payout_id FROM settlements WHERE seller_id = ",
    );
    query.push_bind(seller_id.0);
    if let Some(from) = filter.from {
        query.push(" AND business_day >= ").push_bind(from.date());
    }
    if let Some(to) = filter.to {
        query.push(" AND business_day <= ").push_bind(to.date());
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(before) = filter.before {
        query.push(" AND business_day < ").push_bind(before.date());
    }
    query.push(" ORDER BY business_day DESC LIMIT ").push_bind(rows);
    let rows: Vec<SettlementRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(SettlementRow::into_settlement).collect()
}

#[derive(FromRow)]
struct SettlementRow {
    business_day: Date,
    gross: Won,
    refunds: Won,
    status: String,
    payout_id: Option<Uuid>,
}

impl SettlementRow {
    fn into_settlement(self) -> sqlx::Result<Settlement> {
        Ok(Settlement {
            day: BusinessDay::from_date(self.business_day),
            gross: self.gross,
            refunds: self.refunds,
            status: parse("status", &self.status)?,
            payout_id: self.payout_id,
        })
    }
}
