use database::Connection;
use sqlx::query_builder::Separated;
use sqlx::{Encode, MySql, QueryBuilder, Type};

/// Adds a list in parentheses: `(?, ?, ?)`.
pub(crate) fn push_list<'t, T>(query: &mut QueryBuilder<MySql>, values: impl IntoIterator<Item = T>)
where
    T: Encode<'t, MySql> + Type<MySql>,
{
    query.push("(");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

/// The values, with the last one repeated until their count is a power of two. So there are few different `IN (…)` lists,
/// and the statement of each stays prepared.
pub(crate) fn padded<T>(values: &[T]) -> impl Iterator<Item = &T> {
    values.iter().chain(values.last().into_iter().cycle()).take(match values.len() {
        0 => 0,
        some => some.next_power_of_two(),
    })
}

/// The rows in portions. The size of each is a power of two, and at most `most`, which is a power of two itself. So there
/// are few different lists of `VALUES`, and the statement of each stays prepared.
///
/// A statement that is prepared for a single use is slow: sqlx closes it with a packet that has no answer, and the next
/// packet waits 40 ms for the delayed acknowledgement of that one.
fn portions<T>(rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = 1 << rest.len().checked_ilog2()?;
        let (portion, others) = rest.split_at(most.min(size));
        rest = others;
        Some(portion)
    })
}

/// Inserts rows in [`portions`] of at most `most`, each by one statement. `into` is the statement up to the values, and
/// `push` adds the values of one row.
pub(crate) async fn insert_rows<T: Sync>(
    connection: &mut Connection,
    into: &'static str,
    rows: &[T],
    most: usize,
    mut push: impl FnMut(Separated<'_, MySql, &'static str>, &T) + Send,
) -> sqlx::Result<()> {
    for portion in portions(rows, most) {
        let mut insert = QueryBuilder::new(into);
        insert.push_values(portion, &mut push);
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
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

    #[test]
    fn a_list_has_parentheses_and_commas() {
        let mut query = QueryBuilder::new("SELECT 1 IN ");
        push_list(&mut query, [1_i64, 2, 3]);
        assert_eq!(query.into_string(), "SELECT 1 IN (?, ?, ?)");
    }
}
