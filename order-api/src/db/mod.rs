//! What the SQL of all features shares.
//!
//! Each feature has its own `db.rs` or `db/` with its statements. Their functions take a connection, so that the caller
//! decides what one transaction is. They return `None` if a row does not exist; every error is an error of the database.

mod push_after;

use std::str::FromStr;

use sqlx::migrate::Migrator;

pub(crate) use push_after::push_after;

/// Creates the schema `orders`, or migrates it to the newest version.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Parses the name of a stored value.
pub(crate) fn parse<T: FromStr>(column: &'static str, name: &str) -> sqlx::Result<T> {
    name.parse().map_err(|_| unknown(column, name))
}

/// The error for a stored value that this build does not know.
pub(crate) fn unknown(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}

/// The error for a sum that does not fit into 64 bits.
pub(crate) fn too_large(column: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "the sum is beyond 64 bits".into() }
}
