use time::OffsetDateTime;
use uuid::Uuid;

use crate::shared::{Description, Patch, StoreName, WebAddress};

/// A store as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its place in the order in which stores were opened.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub seller_id: Uuid,
    /// As its seller wrote it.
    pub name: String,
    /// What decides whether another name is the same.
    pub name_key: String,
    /// What its seller says about it.
    pub description: String,
    /// A picture of it.
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

/// What a seller opens a store with.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// Its name.
    pub name: StoreName,
    /// What the seller says about it.
    pub description: Description,
    /// A picture of it.
    pub thumbnail_url: Option<WebAddress>,
}

/// What a seller changes of a store; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct StoreEdit {
    /// Another name.
    pub name: Option<StoreName>,
    /// Another description.
    pub description: Option<Description>,
    /// Another picture, or none any more.
    pub thumbnail_url: Patch<WebAddress>,
}

impl StoreEdit {
    /// The store afterwards.
    #[must_use]
    pub fn apply(&self, store: &Store, now: OffsetDateTime) -> Store {
        let mut edited = store.clone();
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut edited.name);
            name.key().clone_into(&mut edited.name_key);
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
