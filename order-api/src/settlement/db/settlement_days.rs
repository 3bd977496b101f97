//! The table `settlement_days`: which days are closed, and who may settle them.
//!
//! # How a day is closed
//! Nothing is added to a closed day, although the transactions that add hold no lock on the row of the day.
//!
//! * A transaction that adds writes the totals first. Then it updates the lines, with [`NOT_CLOSED`] as a condition.
//! * The run that closes inserts the row here and commits. Then it waits for all transactions that have locked totals of
//!   the day ([`super::seller_day_totals::sum_up`]).
//!
//! So a transaction has locked its totals either before that wait, and the run waits for it, or after it, and then it sees
//! the row and is rolled back. The cost for a checkout is one look at the last entry of a small index.

use database::Connection;
use time::{Date, OffsetDateTime};

use crate::batch::FencingToken;
use crate::settlement::day::BusinessDay;

/// A condition with a day as its parameter: the day is not closed. To be used after the totals of the day were written.
pub(crate) const NOT_CLOSED: &str =
    "NOT EXISTS (SELECT 1 FROM settlement_days AS closed WHERE closed.business_day >= ?)";

/// The last closed day; all days before it are closed too.
pub async fn closed_through(connection: &mut Connection) -> sqlx::Result<Option<BusinessDay>> {
    let row: (Option<Date>,) =
        sqlx::query_as("SELECT MAX(business_day) FROM settlement_days").fetch_one(connection).await?;
    Ok(row.0.map(BusinessDay::from_date))
}

/// Closes a day. If it is closed, records the token of the later run.
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

/// Checks the fencing token of a run. Returns false if a later run works on the day. The row stays locked until the end of
/// the transaction, so that no later run can begin to work on the day before.
pub async fn check_token(
    connection: &mut Connection,
    day: BusinessDay,
    token: FencingToken,
) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "UPDATE settlement_days SET fencing_token = ? WHERE business_day = ? AND fencing_token <= ?",
    )
    .bind(token.0)
    .bind(day.date())
    .bind(token.0)
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}
