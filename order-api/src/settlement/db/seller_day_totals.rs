//! The table `seller_day_totals`: the running totals.

use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::Date;
use uuid::Uuid;

use crate::settlement::control_sum::{ControlSum, DaySums};
use crate::settlement::day::BusinessDay;
use crate::settlement::totals::Addition;

/// Adds to totals: each addition to its shard. The additions must be in the order of sellers and days. Then all
/// transactions lock the rows in the same order, and no two of them wait for each other.
pub async fn add(connection: &mut Connection, additions: &[(Addition, u8)]) -> sqlx::Result<()> {
    if additions.is_empty() {
        return Ok(());
    }
    let mut query: QueryBuilder<MySql> =
        QueryBuilder::new("INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds) ");
    query.push_values(additions, |mut row, (addition, shard)| {
        row.push_bind(addition.day.date())
            .push_bind(addition.seller_id.0)
            .push_bind(*shard)
            .push_bind(addition.gross)
            .push_bind(addition.refunds);
    });
    query.push(" ON DUPLICATE KEY UPDATE gross = gross + VALUES(gross), refunds = refunds + VALUES(refunds)");
    query.build().execute(connection).await?;
    Ok(())
}

/// The first day with a sale or a refund.
pub async fn first_day(connection: &mut Connection) -> sqlx::Result<Option<BusinessDay>> {
    let row: (Option<Date>,) =
        sqlx::query_as("SELECT MIN(business_day) FROM seller_day_totals").fetch_one(connection).await?;
    Ok(row.0.map(BusinessDay::from_date))
}

/// The last day with a sale or a refund.
pub async fn last_day(connection: &mut Connection) -> sqlx::Result<Option<BusinessDay>> {
    let row: (Option<Date>,) =
        sqlx::query_as("SELECT MAX(business_day) FROM seller_day_totals").fetch_one(connection).await?;
    Ok(row.0.map(BusinessDay::from_date))
}

/// About how many sellers after `after` have totals of a day. It counts the rows of the first shard. Nearly every seller
/// has one; the number is only shown.
pub async fn count_sellers(connection: &mut Connection, day: BusinessDay, after: Uuid) -> sqlx::Result<u64> {
    let row: (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM seller_day_totals WHERE business_day = ? AND seller_id > ? AND lane = 0",
    )
    .bind(day.date())
    .bind(after)
    .fetch_one(connection)
    .await?;
    Ok(row.0.unsigned_abs())
}

/// The seller of the last of `rows` rows of a day after `after`; `None` if there are fewer rows.
pub async fn seller_at(
    connection: &mut Connection,
    day: BusinessDay,
    after: Uuid,
    rows: u32,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar(
        "SELECT seller_id FROM seller_day_totals FORCE INDEX (PRIMARY) WHERE business_day = ? AND seller_id > ? \
         ORDER BY seller_id, lane LIMIT 1 OFFSET ?",
    )
    .bind(day.date())
    .bind(after)
    .bind(rows.saturating_sub(1))
    .fetch_optional(connection)
    .await
}

/// Sums up the totals of a day, for sellers after `after` up to `through`. Returns the number of rows, and the sums. The
/// read locks its rows, and so waits for every transaction that has added to them and is not finished.
pub async fn sum_up(
    connection: &mut Connection,
    day: BusinessDay,
    after: Uuid,
    through: Uuid,
) -> sqlx::Result<(u64, DaySums)> {
    let row: SumsRow = sqlx::query_as(
        "SELECT COUNT(*) AS total_rows, \
            CAST(COALESCE(SUM(gross), 0) AS SIGNED) AS gross, \
            CAST(COALESCE(MOD(SUM(CAST(gross AS DECIMAL(20)) * (CRC32(seller_id) & 268435455)), \
                2305843009213693951), 0) AS SIGNED) AS gross_weighted, \
            CAST(COALESCE(SUM(refunds), 0) AS SIGNED) AS refunds, \
            CAST(COALESCE(MOD(SUM(CAST(refunds AS DECIMAL(20)) * (CRC32(seller_id) & 268435455)), \
                2305843009213693951), 0) AS SIGNED) AS refunds_weighted \
         FROM seller_day_totals FORCE INDEX (PRIMARY) \
         WHERE business_day = ? AND seller_id > ? AND seller_id <= ? FOR UPDATE",
    )
    .bind(day.date())
    .bind(after)
    .bind(through)
    .fetch_one(connection)
    .await?;
    let sums = DaySums {
        gross: ControlSum { amount: row.gross, weighted: row.gross_weighted },
        refunds: ControlSum { amount: row.refunds, weighted: row.refunds_weighted },
    };
    Ok((row.total_rows.unsigned_abs(), sums))
}

/// A seller whose totals of a day are not equal to the lines.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Difference {
    /// The seller.
    pub seller_id: Uuid,
    /// The totals less the lines that were paid.
    pub gross: Won,
    /// The totals less the lines that are refunded.
    pub refunds: Won,
}

/// At most `limit` sellers whose totals of a day are not equal to the lines. Reads all lines of the day, so it is only for
/// a day that is known to be wrong.
pub async fn differences(
    connection: &mut Connection,
    day: BusinessDay,
    limit: u32,
) -> sqlx::Result<Vec<Difference>> {
    sqlx::query_as(
        "SELECT seller_id, CAST(SUM(gross) AS SIGNED) AS gross, CAST(SUM(refunds) AS SIGNED) AS refunds FROM ( \
            SELECT seller_id, gross, refunds FROM seller_day_totals WHERE business_day = ? \
            UNION ALL SELECT seller_id, -line_total, 0 FROM order_lines WHERE business_day = ? \
            UNION ALL SELECT seller_id, 0, -line_total FROM order_lines WHERE refund_day = ? \
         ) AS entries \
         GROUP BY seller_id HAVING SUM(gross) <> 0 OR SUM(refunds) <> 0 ORDER BY seller_id LIMIT ?",
    )
    .bind(day.date())
    .bind(day.date())
    .bind(day.date())
    .bind(limit)
    .fetch_all(connection)
    .await
}

#[derive(FromRow)]
struct SumsRow {
    total_rows: i64,
    gross: Won,
    gross_weighted: i64,
    refunds: Won,
    refunds_weighted: i64,
}
