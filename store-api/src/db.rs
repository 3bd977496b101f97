//! The schema `store`: its migrations, and what the SQL of all features needs. A feature has its own SQL in its `db/`.

use std::error::Error;

use sqlx::migrate::Migrator;

/// What makes the schema, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A stored value that no code of ours can have written.
pub(crate) fn unreadable(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// Whether a write failed on this unique key.
pub(crate) fn is_duplicate(error: &sqlx::Error, key: &str) -> bool {
    database::duplicate_key(error) == Some(key)
}

/// A number as the search index counts: 4 billion of them are enough, and half the size.
pub(crate) fn number(stored: i64) -> sqlx::Result<u32> {
    u32::try_from(stored).map_err(|error| unreadable("number", error))
}

/// The rows in portions of a power of two, of `most` at most, itself one: so there are few different lists of `VALUES`, and
/// each of their statements stays prepared. One that is prepared for a single use costs more than its own round trips:
/// sqlx closes it in a packet of its own that nobody answers, and what follows waits for the other side's delayed
/// acknowledgement of that, 40 ms.
pub(crate) fn portions<T>(rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = 1 << rest.len().checked_ilog2()?;
        let (portion, others) = rest.split_at(most.min(size));
        rest = others;
        Some(portion)
    })
}

/// The same values, with the last one repeated until there are as many as a power of two: so there are few different
/// `IN (…)` lists, and each of their statements stays prepared.
pub(crate) fn padded<T>(values: &[T]) -> impl Iterator<Item = &T> {
    values.iter().chain(values.last().into_iter().cycle()).take(match values.len() {
        0 => 0,
        some => some.next_power_of_two(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_powers_of_two_and_leave_nothing_out() {
        let sizes = |rows: usize| portions(&vec![(); rows], 8).map(<[()]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(0), [] as [usize; 0]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(23), [8, 8, 4, 2, 1]);
        assert_eq!(portions(&[1, 2, 3], 8).flatten().sum::<i32>(), 6);
    }

    #[test]
    fn lists_are_padded_to_powers_of_two() {
        let padded = |values: &[u8]| padded(values).copied().collect::<Vec<_>>();
        assert_eq!(padded(&[]), [] as [u8; 0]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(padded(&[1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
