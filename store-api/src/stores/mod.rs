//! Stores: sellers open, edit and close them, customers follow them.
//!
//! Each change is one transaction that locks the row of the store. Whether the store belongs to the seller is checked
//! on that row, under that lock.

mod close_store;
pub mod db;
mod edit_store;
mod follow;
pub(crate) mod http;
mod open_store;
mod own_store;
mod store;

pub use close_store::close_store;
pub use edit_store::{EditStoreError, edit_store};
pub use follow::{follow, unfollow};
pub use open_store::{OpenStoreError, open_store};
pub use store::{NewStore, Store, StoreEdit};
