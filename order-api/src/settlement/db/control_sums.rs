//! The table `control_sums`: the sums of a day's lines that were read ahead.

use database::Connection;
use money::Won;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{FromRow, MySql};
use time::OffsetDateTime;

use crate::settlement::control_sum::{ControlSum, DaySums, LineSums};
use crate::settlement::day::BusinessDay;

/// What was read ahead of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAhead {
    /// The sums contain the lines that were paid, and the refunds that were accepted, before this time.
    pub until: OffsetDateTime,
    /// The sums.
    pub read: LineSums,
}

/// What was read ahead of a day.
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

/// Inserts the first sums of a day, unless another instance has inserted them.
pub async fn insert(connection: &mut Connection, day: BusinessDay, now: &ReadAhead) -> sqlx::Result<()> {
    let insert = bound(
        "INSERT INTO control_sums \
         (read_until, line_count, gross, gross_weighted, refunds, refunds_weighted, business_day) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE business_day = VALUES(business_day)",
        now,
    );
    insert.bind(day.date()).execute(connection).await.map(|_| ())
}

/// Replaces the sums of a day that were read until `from`, unless another instance has replaced them.
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

/// A statement whose first parameters are the sums.
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
