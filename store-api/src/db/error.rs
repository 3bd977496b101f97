use std::error::Error;
use std::str::FromStr;

/// The error of a stored value that no code of ours can have written.
pub(crate) fn unreadable(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// Parses the name of a stored value.
pub(crate) fn parse<T: FromStr>(column: &'static str, name: &str) -> sqlx::Result<T> {
    name.parse().map_err(|_| unreadable(column, format!("unknown value {name:?}")))
}

/// A stored number as the search index has it, in 32 bits: 4 billion numbers are enough.
pub(crate) fn number(stored: i64) -> sqlx::Result<u32> {
    u32::try_from(stored).map_err(|error| unreadable("number", error))
}

/// For `map_err`: the violation of this unique key becomes `taken`, and every other error is converted by `From`.
pub(crate) fn on_duplicate<E: From<sqlx::Error>>(
    key: &'static str,
    taken: E,
) -> impl FnOnce(sqlx::Error) -> E {
    move |error| if database::duplicate_key(&error) == Some(key) { taken } else { error.into() }
}
