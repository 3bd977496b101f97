//! Rules: which items a list shows.

use money::Won;
use uuid::Uuid;

use crate::items::{Category, Item};

/// Which items a list shows. An item must meet all conditions that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ItemFilter {
    /// It has this category.
    pub category: Option<Category>,
    /// It belongs to this store.
    pub store_id: Option<Uuid>,
    /// Its [lowest price](fn@crate::items::lowest_price) is at least this.
    pub min_price: Option<Won>,
    /// Its lowest price is at most this.
    pub max_price: Option<Won>,
    /// At least one of its options has a piece on hand.
    pub in_stock: bool,
}

impl ItemFilter {
    /// Whether an item meets the conditions.
    pub fn passes(&self, item: &Item, in_stock: bool) -> bool {
        self.category.is_none_or(|category| item.category == category)
            && self.store_id.is_none_or(|store_id| item.store_id == store_id)
            && self.min_price.is_none_or(|lowest| item.min_price >= lowest)
            && self.max_price.is_none_or(|highest| item.min_price <= highest)
            && (in_stock || !self.in_stock)
    }
}
