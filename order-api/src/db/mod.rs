//! All of this service's SQL, a file for each table: the schema `orders`, and in [`batch`] the schema `batch`. Functions
//! work over a connection, so that the caller decides what is one transaction; `None` is absence, and an error is the
//! database's.


pub mod sort_key;

use sqlx::migrate::Migrator;

/// What makes the schema, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A stored value that this build has no word for.
pub(crate) fn unknown(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}

/// A sum that is beyond what amounts can be.
pub(crate) fn too_large(column: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "the sum is beyond 64 bits".into() }
}
