use paging::TimePosition;
use sqlx::{MySql, QueryBuilder};

/// Adds a condition to a `WHERE` clause: only rows that come after this position in a list that begins with the newest row.
/// `at` and `id` are the columns. The first part (`<=`) is implied by the second; it lets the database use the index as a
/// range.
pub(crate) fn push_after(query: &mut QueryBuilder<MySql>, after: TimePosition, at: &str, id: &str) {
    query.push(format_args!(" AND {at} <= ")).push_bind(after.at);
    query.push(format_args!(" AND ({at} < ")).push_bind(after.at);
    query.push(format_args!(" OR {id} < ")).push_bind(after.id).push(")");
}
