//! What settlement reads of the table `order_lines`.

use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::settlement::control_sum::{ControlSum, DaySums, LineSums};
use crate::settlement::day::BusinessDay;

/// Whether a line of a day was paid at `since` or later. Reads one entry of the index `order_lines_by_day`.
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

/// Sums up the lines of a day that were paid, and the lines whose refunds lower the day; only those that were paid, or
/// whose refund was accepted, at `from` or later and before `until`. Reads only the indexes `order_lines_by_day` and
/// `order_lines_by_refund`.
pub async fn sum_up(
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

/// A line total is below 2^34 won, so its product with a weight of 28 bits fits.
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

/// The smallest id that the clock can make in the millisecond of `time`.
fn first_id_of(time: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
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
    fn an_id_is_after_the_first_id_of_its_time_and_before_that_of_any_later_time() {
        let now = datetime!(2026-11-22 09:00:00.123_456 UTC);
        let (clock, _) = Clock::manual(now);
        let id = clock.new_id();
        assert!(first_id_of(now) <= id);
        assert!(id < first_id_of(now + Duration::MILLISECOND));
        assert_eq!(first_id_of(now), first_id_of(now + Duration::microseconds(100)));
    }
}
