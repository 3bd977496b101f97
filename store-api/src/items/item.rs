//! Rules: an item, and what an edit changes of it.

use money::Won;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Category, ItemOption, NewOption};
use crate::shared::{Description, ItemName, Patch, WebAddress};

/// An item without its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number. Numbers follow the order in which items were listed.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// The store that has it.
    pub store_id: Uuid,
    /// That store's name.
    pub store_name: String,
    /// Its seller.
    pub seller_id: Uuid,
    /// Its name, as the seller wrote it.
    pub name: String,
    /// The key of the name. Two names with the same key are the same name.
    pub name_key: String,
    /// What the seller says about it.
    pub description: String,
    /// What kind of dessert it is.
    pub category: Category,
    /// The address of a picture.
    pub thumbnail_url: Option<String>,
    /// The address of a page about it.
    pub description_url: Option<String>,
    /// The [lowest price](fn@super::lowest_price) at which it can be bought.
    pub min_price: Won,
    /// How many customers gave it a heart.
    pub hearts: i64,
    /// How many pieces of it were sold and have not come back.
    pub sold: i64,
    /// Grows by one with every edit of it or of its options.
    pub version: i64,
    /// When it was listed.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

/// An item with its options, both of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemWithOptions {
    /// The item.
    pub item: Item,
    /// Its live options, in the order in which they were added.
    pub options: Vec<ItemOption>,
}

/// A new item.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Its name.
    pub name: ItemName,
    /// What the seller says about it.
    pub description: Description,
    /// What kind of dessert it is.
    pub category: Category,
    /// The address of a picture.
    pub thumbnail_url: Option<WebAddress>,
    /// The address of a page about it.
    pub description_url: Option<WebAddress>,
    /// Its options, at least one.
    pub options: Vec<NewOption>,
}

/// A change of an item by its seller. `None` changes nothing.
#[derive(Clone, Debug, Default)]
pub struct ItemEdit {
    /// The new name.
    pub name: Option<ItemName>,
    /// The new description.
    pub description: Option<Description>,
    /// The new category.
    pub category: Option<Category>,
    /// The new picture, or none.
    pub thumbnail_url: Patch<WebAddress>,
    /// The new page, or none.
    pub description_url: Patch<WebAddress>,
}

impl ItemEdit {
    /// The item after the change.
    #[must_use]
    pub fn apply(&self, item: &Item, now: OffsetDateTime) -> Item {
        let mut edited = item.clone();
        if let Some(name) = &self.name {
            name.replace(&mut edited.name, &mut edited.name_key);
        }
        if let Some(description) = &self.description {
            description.as_str().clone_into(&mut edited.description);
        }
        if let Some(category) = self.category {
            edited.category = category;
        }
        self.thumbnail_url.apply(&mut edited.thumbnail_url);
        self.description_url.apply(&mut edited.description_url);
        edited.version += 1;
        edited.updated_at = now;
        edited
    }
}
