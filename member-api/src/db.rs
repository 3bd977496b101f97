//! The schema `member`. The SQL is in the `db` module of each feature. Its functions take a connection, so that the caller
//! decides what is one transaction. `None` means that there is no such row.

use std::str::FromStr;

use sqlx::migrate::Migrator;

/// Makes the schema, or brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Parses the name of a stored value. It fails if this build does not know the name.
pub(crate) fn parse<T: FromStr>(column: &'static str, name: &str) -> sqlx::Result<T> {
    name.parse().map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unknown value {name:?}").into(),
    })
}
