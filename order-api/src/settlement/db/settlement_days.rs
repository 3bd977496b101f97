//! The table `settlement_days`: which days are closed, and who may settle them.
//!
//! # How a day is closed
//! A closed day gets no more additions, although those who add hold no lock on it. Whoever adds writes the totals first,
//! and then, by [`NOT_CLOSED`] in the line's own update, looks whether the day is closed. Whoever closes writes the row
//! here, commits, and then waits for all who have locked totals of that day ([`super::seller_day_totals::sums`]). Each
//! who adds has either locked its totals before that wait, and then is waited for, or after it, and then sees the row and
//! turns back. So the cost to a checkout is one look at the last entry of a small index.

use database::Connection;
use time::{Date, OffsetDateTime};

use crate::batch::FencingToken;
use crate::settlement::day::BusinessDay;

/// A condition: the day that is bound to it is open. To be asked after the totals of the day were written.
pub(super) const NOT_CLOSED: &str =
    "NOT EXISTS (SELECT 1 FROM settlement_days AS closed WHERE closed.business_day >= ?)";

/// The last day that is closed; all before it are, too.
pub async fn closed_through(connection: &mut Connection) -> sqlx::Result<Option<BusinessDay>> {
    let row: (Option<Date>,) =
        sqlx::query_as("SELECT MAX(business_day) FROM settlement_days").fetch_one(connection).await?;
    Ok(row.0.map(BusinessDay::from_date))
}

/// Closes a day, or notes that a later run has come to it.
pub async fn close(
    connection: &mut Connection,
    day: BusinessDay,
    token: FencingToken,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO settlement_days (business_day, closed_at, fencing_token) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE fencing_token = GREATEST(fencing_token, VALUES(fencing_token))",
    )
    .bind(day.date())
    .bind(now)
    .bind(token.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Passes the fence of a closed day: true where no later run has come to it. The row stays locked until the transaction's
/// end, so that no later run comes to it meanwhile.
pub async fn pass_fence(
    connection: &mut Connection,
    day: BusinessDay,
    token: FencingToken,
) -> sqlx::Result<bool> {
    let passed = sqlx::query(
        "UPDATE settlement_days SET fencing_token = ? WHERE business_day = ? AND fencing_token <= ?",
    )
    .bind(token.0)
    .bind(day.date())
    .bind(token.0)
    .execute(connection)
    .await?;
    Ok(passed.rows_affected() == 1)
}
