//! What sellers do with their stores, items and options, and what customers add to them: each in one transaction that
//! holds the row of the thing itself. Ownership is checked on that row, under that lock.
//!
//! Locks are taken from the whole to the part: store, item, option.

mod add_item;
mod add_option;
mod close_store;
mod edit_item;
mod edit_option;
mod edit_store;
mod follow;
mod heart;
mod open_store;
mod remove_item;
mod remove_option;

pub use add_item::{AddItemError, add_item};
pub use add_option::{AddOptionError, add_option};
pub use close_store::{CloseStoreError, close_store};
pub use edit_item::{EditItemError, edit_item};
pub use edit_option::{EditOptionError, EditedOption, edit_option};
pub use edit_store::{EditStoreError, edit_store};
pub use follow::{FollowError, follow, unfollow};
pub use heart::{HeartError, give_heart, take_heart};
pub use open_store::{OpenStoreError, open_store};
pub use remove_item::{RemoveItemError, remove_item};
pub use remove_option::{RemoveOptionError, remove_option};

/// Whether a write failed on this unique key.
fn is_taken(error: &sqlx::Error, key: &str) -> bool {
    database::duplicate_key(error) == Some(key)
}
