//! What the search index does not know yet.
//!
//! The transaction that changes a store, an item or stock notes it here. [`search`](crate::search) reads the notes and
//! brings the index up to date.

mod band;
mod corpus;
mod db;

pub use band::{Band, Scale};
pub use corpus::Corpus;
pub use db::{
    Known, Noted, forget, known, lock_writer, note_back_in_stock, note_facts, note_item_of_option,
    note_items_of_store, note_new, note_old_text, note_sold_out, oldest, try_lock_writer,
};
