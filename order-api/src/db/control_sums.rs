//! The control sums of a day's lines, and the table `control_sums`, in which those of a day's sales grow as it goes on.

use money::Won;
use sqlx::{FromRow, MySql, MySqlConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::control::ControlSum;
use crate::domain::day::BusinessDay;

/// Lines, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSums {
    /// How many.
    pub lines: u64,
    /// Their sums.
    pub sum: ControlSum,
}

/// What was read of a day so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAhead {
    /// Lines that were paid before are in the sums.
    pub until: OffsetDateTime,
    /// The sums.
    pub read: LineSums,
}

/// Sums up the lines of a day that were paid from `from` on, before `until`. Reads the index `order_lines_by_day` alone.
pub async fn of_sales(
    connection: &mut MySqlConnection,
    day: BusinessDay,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
) -> sqlx::Result<LineSums> {
    let mut query = sums_where("business_day = ");
    query.push_bind(day.date());
    if let Some(from) = from {
        query.push(" AND paid_at >= ").push_bind(from);
    }
    if let Some(until) = until {
        query.push(" AND paid_at < ").push_bind(until);
    }
    let row: SumsRow = query.build_query_as().fetch_one(connection).await?;
    Ok(row.into_sums())
}

/// Sums up the lines whose refund lowers a day. Reads the index `order_lines_by_refund_day` alone.
pub async fn of_refunds(connection: &mut MySqlConnection, day: BusinessDay) -> sqlx::Result<LineSums> {
    let mut query = sums_where("refund_day = ");
    query.push_bind(day.date());
    let row: SumsRow = query.build_query_as().fetch_one(connection).await?;
    Ok(row.into_sums())
}

/// A line comes to less than 2^34 won, so that its product with 28 bits fits.
fn sums_where(condition: &str) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(
        "SELECT COUNT(*) AS line_count, CAST(COALESCE(SUM(line_total), 0) AS SIGNED) AS amount, \
            CAST(COALESCE(MOD(SUM(line_total * (CRC32(seller_id) & 268435455)), 2305843009213693951), 0) \
                AS SIGNED) AS weighted \
         FROM order_lines WHERE ",
    );
    query.push(condition);
    query
}

/// What was read of a day so far.
pub async fn find(connection: &mut MySqlConnection, day: BusinessDay) -> sqlx::Result<Option<ReadAhead>> {
    let row: Option<ReadAheadRow> = sqlx::query_as(
        "SELECT read_until, line_count, amount, weighted FROM control_sums WHERE business_day = ?",
    )
    .bind(day.date())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| ReadAhead { until: row.read_until, read: row.sums.into_sums() }))
}

/// Writes the first that was read of a day, unless somebody was quicker.
pub async fn insert(
    connection: &mut MySqlConnection,
    day: BusinessDay,
    read: &ReadAhead,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO control_sums (business_day, read_until, line_count, amount, weighted) VALUES (?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE business_day = VALUES(business_day)",
    )
    .bind(day.date())
    .bind(read.until)
    .bind(read.read.lines)
    .bind(read.read.sum.amount)
    .bind(read.read.sum.weighted)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what was read of a day, unless somebody has read on from `from` meanwhile.
pub async fn advance(
    connection: &mut MySqlConnection,
    day: BusinessDay,
    from: OffsetDateTime,
    read: &ReadAhead,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE control_sums SET read_until = ?, line_count = ?, amount = ?, weighted = ? \
         WHERE business_day = ? AND read_until = ?",
    )
    .bind(read.until)
    .bind(read.read.lines)
    .bind(read.read.sum.amount)
    .bind(read.read.sum.weighted)
    .bind(day.date())
    .bind(from)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct ReadAheadRow {
    read_until: OffsetDateTime,
    #[sqlx(flatten)]
    sums: SumsRow,
}

#[derive(FromRow)]
struct SumsRow {
    line_count: i64,
    amount: Won,
    weighted: i64,
}

impl SumsRow {
    fn into_sums(self) -> LineSums {
        let sum = ControlSum { amount: self.amount, weighted: self.weighted };
        LineSums { lines: self.line_count.unsigned_abs(), sum }
    }
}
