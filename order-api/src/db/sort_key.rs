//! Paging through lists that begin with the newest row.

use serde::{Deserialize, Serialize};
use sqlx::{MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// The sort key of a row: its time, and its id among the rows with the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// The row's time.
    #[serde(with = "time::serde::timestamp::microseconds")]
    pub at: OffsetDateTime,
    /// The row's id.
    pub id: Uuid,
}

impl SortKey {
    /// Adds a condition to a `WHERE` clause: only rows that come after this key. The first part (`<=`) is implied by the
    /// second; it lets the database use the index as a range.
    pub(crate) fn push_after(self, query: &mut QueryBuilder<MySql>, at: &str, id: &str) {
        query.push(format_args!(" AND {at} <= ")).push_bind(self.at);
        query.push(format_args!(" AND ({at} < ")).push_bind(self.at);
        query.push(format_args!(" OR {id} < ")).push_bind(self.id).push(")");
    }
}
