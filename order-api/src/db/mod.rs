//! All of this service's SQL, a file for each table: the schema `orders`, and in [`batch`] the schema `batch`. Functions
//! work over a connection, so that the caller decides what is one transaction; `None` is absence, and an error is the
//! database's.

pub mod batch;
pub mod checkouts;
pub mod control_sums;
pub mod line_changes;
pub mod order_lines;
pub mod orders;
pub mod outbox;
pub mod payouts;
pub mod place;
pub mod sales;
pub mod seller_day_totals;
pub mod settlement_days;
pub mod settlements;

use sqlx::migrate::Migrator;

/// What makes the schema, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A stored value that this build has no word for.
fn unknown(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}

/// A sum that is beyond what amounts can be.
pub(crate) fn too_large(column: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "the sum is beyond 64 bits".into() }
}
