//! Rules: a store, and what an edit changes of it.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::shared::{Description, EntityTag, Patch, StoreName, WebAddress};

/// A store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its number. Numbers follow the order in which stores were opened.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// Its seller.
    pub seller_id: Uuid,
    /// Its name, as the seller wrote it.
    pub name: String,
    /// The key of the name. Two names with the same key are the same name.
    pub name_key: String,
    /// What the seller says about it.
    pub description: String,
    /// The address of a picture.
    pub thumbnail_url: Option<String>,
    /// How many customers follow it.
    pub followers: i64,
    /// Grows by one with every edit.
    pub version: i64,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

impl Store {
    /// Its entity tag. The seller sets everything but the followers, and each edit makes a new version.
    pub fn entity_tag(&self) -> EntityTag {
        EntityTag::new(self.version.to_string())
    }
}

/// A new store.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// Its name.
    pub name: StoreName,
    /// What the seller says about it.
    pub description: Description,
    /// The address of a picture.
    pub thumbnail_url: Option<WebAddress>,
}

/// A change of a store by its seller. `None` changes nothing.
#[derive(Clone, Debug, Default)]
pub struct StoreEdit {
    /// The new name.
    pub name: Option<StoreName>,
    /// The new description.
    pub description: Option<Description>,
    /// The new picture, or none.
    pub thumbnail_url: Patch<WebAddress>,
}

impl StoreEdit {
    /// The store after the change.
    #[must_use]
    pub fn apply(&self, store: &Store, now: OffsetDateTime) -> Store {
        let mut edited = store.clone();
        if let Some(name) = &self.name {
            name.replace(&mut edited.name, &mut edited.name_key);
        }
        if let Some(description) = &self.description {
            description.as_str().clone_into(&mut edited.description);
        }
        self.thumbnail_url.apply(&mut edited.thumbnail_url);
        edited.version += 1;
        edited.updated_at = now;
        edited
    }
}
