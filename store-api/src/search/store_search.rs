use std::cmp::Ordering;

use database::Connection;

use super::collector::Criteria;
use super::{Keyword, StorePosition, StoreSort, db};
use crate::stores::Store;

/// A search for stores, by words.
#[derive(Clone, Debug)]
pub struct StoreSearch {
    /// Every word must be in the name.
    pub keyword: Keyword,
    /// The order of the list.
    pub sort: StoreSort,
    /// The page begins after this position.
    pub after: Option<StorePosition>,
    /// The most stores on the page.
    pub limit: u32,
}

impl Criteria for StoreSearch {
    type Row = Store;
    type Position = StorePosition;

    async fn rows(&self, connection: &mut Connection, numbers: &[u32]) -> sqlx::Result<Vec<(u32, Store)>> {
        let rows = db::rows::stores(connection, numbers).await?;
        Ok(rows.into_iter().filter_map(|store| Some((u32::try_from(store.number).ok()?, store))).collect())
    }

    fn match_row(&self, store: &Store) -> Option<StorePosition> {
        self.keyword.place(&store.name, "").map(|place| StorePosition::of(store, place.fit, self.sort))
    }

    fn compare(&self, one: &StorePosition, other: &StorePosition) -> Ordering {
        one.compare(other, self.sort)
    }

    fn after(&self) -> Option<&StorePosition> {
        self.after.as_ref()
    }
}
