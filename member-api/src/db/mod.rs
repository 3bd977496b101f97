//! The schema `member`: all of this service's SQL, a file for each table. Functions work over a connection, so that the
//! caller decides what is one transaction; `None` is absence, and an error is the database's.

pub mod audit;
pub mod members;
pub mod refresh_tokens;
pub mod sessions;
pub mod sign_in_attempts;
pub mod statements;
pub mod transfers;
pub mod wallets;

use sqlx::migrate::Migrator;

/// What makes the schema, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A stored value that this build has no word for.
fn unknown(column: &'static str, value: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown value {value:?}").into() }
}
