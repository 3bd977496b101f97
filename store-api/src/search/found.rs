/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<Row, Position> {
    /// The rows, in the order of the list.
    pub rows: Vec<Row>,
    /// The next page begins after this position. `None` on the last page.
    pub next: Option<Position>,
}

impl<Row, Position> Found<Row, Position> {
    /// An empty last page.
    pub(super) fn nothing() -> Self {
        Self { rows: Vec::new(), next: None }
    }

    /// The page of up to `limit` rows. The caller has read one row more, if there is one: then the list goes on.
    pub(super) fn from_rows(mut rows: Vec<Row>, limit: u32, position: impl Fn(&Row) -> Position) -> Self {
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| has_more).map(position);
        Self { rows, next }
    }
}
