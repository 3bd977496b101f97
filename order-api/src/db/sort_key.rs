//! A place in a list that begins with the newest.

use serde::{Deserialize, Serialize};
use sqlx::{MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// The sort key of a row: its time, and which one of that moment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The row's time.
    #[serde(with = "time::serde::timestamp::microseconds")]
    pub at: OffsetDateTime,
    /// The row's id.
    pub id: Uuid,
}

impl Place {
    /// Continues a `WHERE` with the rows that come after this one. The first condition says nothing new; it gives the
    /// index its end.
    pub(super) fn push_before(self, query: &mut QueryBuilder<MySql>, at: &str, id: &str) {
        query.push(format_args!(" AND {at} <= ")).push_bind(self.at);
        query.push(format_args!(" AND ({at} < ")).push_bind(self.at);
        query.push(format_args!(" OR {id} < ")).push_bind(self.id).push(")");
    }
}
