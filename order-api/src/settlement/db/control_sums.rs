//! The control sums of a day's lines, and the table `control_sums`, in which they grow as the day goes on.

use database::Connection;
use money::Won;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::settlement::control_sum::{ControlSum, DaySums};
use crate::settlement::day::BusinessDay;

/// Lines, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSums {
    /// How many were sold.
    pub lines: u64,
    /// Their sums.
    pub sums: DaySums,
}

impl LineSums {
    /// Both together; `None` where a sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self { lines: self.lines + other.lines, sums: self.sums.checked_add(other.sums)? })
    }
}

/// What was read of a day so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAhead {
    /// Lines that were paid before, and refunds that were accepted before, are in the sums.
    pub until: OffsetDateTime,
    /// The sums.
    pub read: LineSums,
}

/// Sums up the lines of a day that were paid, and those whose refund was accepted to lower it, from `from` on, before
/// `until`. Reads the indexes `order_lines_by_day` and `order_lines_by_refund` alone.
pub async fn of_lines(
    connection: &mut Connection,
    day: BusinessDay,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
) -> sqlx::Result<LineSums> {
    let mut sales = sums_where("business_day = ");
    sales.push_bind(day.date());
    if let Some(from) = from {
        sales.push(" AND paid_at >= ").push_bind(from);
    }
    if let Some(until) = until {
        sales.push(" AND paid_at < ").push_bind(until);
    }
    let sales: SumRow = sales.build_query_as().fetch_one(&mut *connection).await?;

    let mut refunds = sums_where("refund_day = ");
    refunds.push_bind(day.date());
    if let Some(from) = from {
        refunds.push(" AND refund_id >= ").push_bind(first_id_of(from));
    }
    if let Some(until) = until {
        refunds.push(" AND refund_id < ").push_bind(first_id_of(until));
    }
    let refunds: SumRow = refunds.build_query_as().fetch_one(connection).await?;

    Ok(LineSums {
        lines: sales.line_count.unsigned_abs(),
        sums: DaySums { gross: sales.into_sum(), refunds: refunds.into_sum() },
    })
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

/// The least id that the clock makes in the millisecond of `time`.
fn first_id_of(time: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// What was read of a day so far.
pub async fn find(connection: &mut Connection, day: BusinessDay) -> sqlx::Result<Option<ReadAhead>> {
    let row: Option<ReadAheadRow> = sqlx::query_as(
        "SELECT read_until, line_count, gross, gross_weighted, refunds, refunds_weighted \
         FROM control_sums WHERE business_day = ?",
    )
    .bind(day.date())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(ReadAheadRow::into_read_ahead))
}

/// Writes the first that was read of a day, unless somebody was quicker.
pub async fn insert(connection: &mut Connection, day: BusinessDay, now: &ReadAhead) -> sqlx::Result<()> {
    let insert = bound(
        "INSERT INTO control_sums \
         (read_until, line_count, gross, gross_weighted, refunds, refunds_weighted, business_day) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE business_day = VALUES(business_day)",
        now,
    );
    insert.bind(day.date()).execute(connection).await.map(|_| ())
}

/// Writes what was read of a day, unless somebody has read on from `from` meanwhile.
pub async fn advance(
    connection: &mut Connection,
    day: BusinessDay,
    from: OffsetDateTime,
    now: &ReadAhead,
) -> sqlx::Result<()> {
    let update = bound(
        "UPDATE control_sums SET read_until = ?, line_count = ?, gross = ?, gross_weighted = ?, refunds = ?, \
            refunds_weighted = ? \
         WHERE business_day = ? AND read_until = ?",
        now,
    );
    update.bind(day.date()).bind(from).execute(connection).await.map(|_| ())
}

/// A statement whose first parameters are what was read.
fn bound(sql: &'static str, now: &ReadAhead) -> Query<'static, MySql, MySqlArguments> {
    let DaySums { gross, refunds } = now.read.sums;
    sqlx::query(sql)
        .bind(now.until)
        .bind(now.read.lines)
        .bind(gross.amount)
        .bind(gross.weighted)
        .bind(refunds.amount)
        .bind(refunds.weighted)
}

#[derive(FromRow)]
struct ReadAheadRow {
    read_until: OffsetDateTime,
    line_count: i64,
    gross: Won,
    gross_weighted: i64,
    refunds: Won,
    refunds_weighted: i64,
}

impl ReadAheadRow {
    fn into_read_ahead(self) -> ReadAhead {
        let sums = DaySums {
            gross: ControlSum { amount: self.gross, weighted: self.gross_weighted },
            refunds: ControlSum { amount: self.refunds, weighted: self.refunds_weighted },
        };
        ReadAhead { until: self.read_until, read: LineSums { lines: self.line_count.unsigned_abs(), sums } }
    }
}

#[derive(FromRow)]
struct SumRow {
    line_count: i64,
    amount: Won,
    weighted: i64,
}

impl SumRow {
    fn into_sum(self) -> ControlSum {
        ControlSum { amount: self.amount, weighted: self.weighted }
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_id_lies_behind_the_first_one_of_its_time_and_before_that_of_any_later_one() {
        let now = datetime!(2026-11-22 09:00:00.123_456 UTC);
        let (clock, _) = Clock::manual(now);
        let id = clock.new_id();
        assert!(first_id_of(now) <= id);
        assert!(id < first_id_of(now + Duration::MILLISECOND));
        assert_eq!(first_id_of(now), first_id_of(now + Duration::microseconds(100)));
    }
}
