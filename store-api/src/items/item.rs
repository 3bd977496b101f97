use money::Won;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Category, ItemOption, NewOption};
use crate::shared::{Description, ItemName, Patch, WebAddress};

/// An item as it stands, without its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the order in which items were listed.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// The store that has it.
    pub store_id: Uuid,
    /// That store's name.
    pub store_name: String,
    /// Whose it is.
    pub seller_id: Uuid,
    /// As its seller wrote it.
    pub name: String,
    /// What decides whether another name is the same.
    pub name_key: String,
    /// What its seller says about it.
    pub description: String,
    /// What kind of dessert it is.
    pub category: Category,
    /// A picture of it.
    pub thumbnail_url: Option<String>,
    /// A page about it.
    pub description_url: Option<String>,
    /// The price of its cheapest option.
    pub min_price: Won,
    /// How many customers gave it a heart.
    pub hearts: i64,
    /// How many pieces were sold.
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
    /// What can be bought of it, in the order in which the options were added.
    pub options: Vec<ItemOption>,
}

/// What a seller lists an item with.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Its name.
    pub name: ItemName,
    /// What the seller says about it.
    pub description: Description,
    /// What kind of dessert it is.
    pub category: Category,
    /// A picture of it.
    pub thumbnail_url: Option<WebAddress>,
    /// A page about it.
    pub description_url: Option<WebAddress>,
    /// At least one.
    pub options: Vec<NewOption>,
}

/// What a seller changes of an item; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct ItemEdit {
    /// Another name.
    pub name: Option<ItemName>,
    /// Another description.
    pub description: Option<Description>,
    /// Another category.
    pub category: Option<Category>,
    /// Another picture, or none any more.
    pub thumbnail_url: Patch<WebAddress>,
    /// Another page, or none any more.
    pub description_url: Patch<WebAddress>,
}

impl ItemEdit {
    /// The item afterwards.
    #[must_use]
    pub fn apply(&self, item: &Item, now: OffsetDateTime) -> Item {
        let mut edited = item.clone();
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut edited.name);
            name.key().clone_into(&mut edited.name_key);
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
