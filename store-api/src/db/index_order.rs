use sqlx::{Encode, MySql, QueryBuilder, Type};

/// The order of an index: by a column and then by a unique column, or by the unique column alone.
pub(crate) struct IndexOrder {
    pub(crate) column: Option<&'static str>,
    pub(crate) unique: &'static str,
    pub(crate) is_descending: bool,
}

impl IndexOrder {
    /// Adds the condition "after these values", the order and the limit.
    pub(crate) fn push<'t, K, U>(&self, query: &mut QueryBuilder<MySql>, after: Option<(K, U)>, rows: u32)
    where
        K: Encode<'t, MySql> + Type<MySql> + Copy,
        U: Encode<'t, MySql> + Type<MySql>,
    {
        let (beyond, direction) = if self.is_descending { (" < ", " DESC") } else { (" > ", " ASC") };
        match (self.column, after) {
            // Two ranges of the index. MySQL does not use the index for a comparison of pairs.
            (Some(column), Some((key, unique))) => {
                query.push(" AND (").push(column).push(beyond).push_bind(key);
                query.push(" OR (").push(column).push(" = ").push_bind(key);
                query.push(" AND ").push(self.unique).push(beyond).push_bind(unique).push("))");
            }
            (None, Some((_, unique))) => {
                query.push(" AND ").push(self.unique).push(beyond).push_bind(unique);
            }
            (_, None) => {}
        }
        query.push(" ORDER BY ");
        if let Some(column) = self.column {
            query.push(column).push(direction).push(", ");
        }
        query.push(self.unique).push(direction).push(" LIMIT ").push_bind(rows);
    }
}
