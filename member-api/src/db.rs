//! The schema `member`. The SQL is in `db` of each feature. Its functions take a connection, so that the caller decides
//! which of them make one transaction. `None` means that a row does not exist, and an error comes from the database.

use sqlx::migrate::Migrator;

/// Makes the schema, or brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The error for a stored value that this build does not know.
pub(crate) fn unknown(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}
