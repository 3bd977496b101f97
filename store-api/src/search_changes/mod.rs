//! The changes that the search index does not know yet.
//!
//! A transaction that changes a store, an item or stock records the change here. Every search checks the rows of the
//! recorded changes itself, so no search shows an old state. Later a worker of [`search`](crate::search) brings the index
//! up to date and deletes the changes.

mod band;
mod corpus;
mod db;

pub use band::{Band, Scale};
pub use corpus::Corpus;
pub use db::{
    Change, Unindexed, delete, lock_writer, oldest, record_count, record_facts, record_items_of_store,
    record_new, record_old_text, try_lock_writer, unindexed,
};
pub use db::{FORM, IndexForm, set_form, try_lock_form};
