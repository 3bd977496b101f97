//! The schema `store`: all of the service's SQL, a file for each table or for each question over several, functions over a connection.
//! Absence is `Ok(None)`.

pub mod follows;
pub mod hearts;
pub mod items;
pub mod listing;
pub mod lookup;
pub mod options;
pub mod reservations;
pub mod restocks;
pub mod search_blocks;
pub mod search_changes;
pub mod search_documents;
pub mod search_rows;
pub mod seeding;
pub mod stock;
pub mod stores;
pub mod whole_items;

use std::error::Error;

use sqlx::migrate::Migrator;

/// What makes the schema, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A stored value that no code of ours can have written.
fn unreadable(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// A number as the search index counts: 4 billion of them are enough, and half the size.
fn number(stored: i64) -> sqlx::Result<u32> {
    u32::try_from(stored).map_err(|error| unreadable("number", error))
}

/// The same values, with the last one repeated until there are as many as a power of two: so there are few different
/// `IN (…)` lists, and each of their statements stays prepared.
fn padded<T>(values: &[T]) -> impl Iterator<Item = &T> {
    values.iter().chain(values.last().into_iter().cycle()).take(match values.len() {
        0 => 0,
        some => some.next_power_of_two(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_padded_to_powers_of_two() {
        let padded = |values: &[u8]| padded(values).copied().collect::<Vec<_>>();
        assert_eq!(padded(&[]), [] as [u8; 0]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(padded(&[1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
