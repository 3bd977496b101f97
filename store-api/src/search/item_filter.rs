use money::Won;
use uuid::Uuid;

use crate::items::{Category, Item};

/// Which items a list shows. Everything that is given has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ItemFilter {
    /// Of this category.
    pub category: Option<Category>,
    /// Of this store.
    pub store_id: Option<Uuid>,
    /// Whose cheapest option costs this or more.
    pub min_price: Option<Won>,
    /// Whose cheapest option costs this or less.
    pub max_price: Option<Won>,
    /// With a piece on hand of some option.
    pub in_stock: bool,
}

impl ItemFilter {
    /// Whether an item passes.
    pub fn passes(&self, item: &Item, in_stock: bool) -> bool {
        self.category.is_none_or(|category| item.category == category)
            && self.store_id.is_none_or(|store_id| item.store_id == store_id)
            && self.min_price.is_none_or(|lowest| item.min_price >= lowest)
            && self.max_price.is_none_or(|highest| item.min_price <= highest)
            && (in_stock || !self.in_stock)
    }
}
