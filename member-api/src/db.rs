//! The schema `member`. The SQL is in the `db` module of each feature. Its functions take a connection, so that the caller
//! decides what is one transaction. `None` means that there is no such row.

use sqlx::migrate::Migrator;

/// Makes the schema, or brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The error for a stored value that this build does not know.
pub(crate) fn unknown_value(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}
