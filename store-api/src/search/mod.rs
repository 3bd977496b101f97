//! Finding items and stores. Every search has a limit on its work.
//!
//! # The index
//! Every item has a number, in the order in which items were listed. For each *term*, the table `search_blocks` keeps the
//! numbers that have it, as a Roaring bitmap. Terms are the pieces of the words of names and descriptions, also those that
//! reach over a space ([`folded`] says how a text is read), and also the category, the store, "in stock", and bands of
//! price, hearts and pieces sold. A search intersects the bitmaps of its terms. That reads the same few kilobytes for each
//! term, whether the term is rare or frequent. The result is a set of numbers. The search reads the row of each number and
//! checks it before it is shown. So the index may name too many items, but never too few.
//!
//! # The order
//! * Latest: from the best [`Fit`] down, and within it from the highest number down. The newest blocks are read first, and are
//!   usually enough.
//! * By a key (hearts, sold, price): if there are few matches, their keys are fetched and sorted. If there are many, they
//!   are intersected with one band of keys after the other: broad bands first, then, for prices, narrow bands. Within a
//!   band, few matches are fetched and sorted. Among many, the search scans the band in the order of the key's own index
//!   and picks the matches. Among items with the same key the better fit comes first. A key that many items have is scanned
//!   once for each fit.
//! * Items with all words in their name come before items that need their description to match. The terms alone determine
//!   [`Rank`] and [`Fit`]. So the index knows both exactly, and no item appears twice.
//!
//! # Changes
//! The transaction that changes an item records this in `search_changes`. A search takes the recorded items out of the
//! bitmaps and checks their rows instead, so it shows every committed change at once. Later [`index_changes`] brings the
//! bitmaps up to date, on one instance at a time. A search reads the changes before the bitmaps: a change that reaches
//! the bitmaps between the two reads is seen twice and merged, and not missed.
//!
//! # Forms
//! The *form* of the index says which terms there are, and how a text is read. A build with a newer form rebuilds the index when it
//! starts, block by block, before it serves ([`renew`]). Builds with the older form serve meanwhile: the newer form contains the
//! terms that they look for, and they do not write the index any more.
//!
//! # The budget
//! A search reads no more rows than its [`Budget`] allows. If that does not fill the page, the page is short or empty, and
//! its cursor continues where the search stopped.

mod band_groups;
mod budget;
mod collector;
pub mod db;
mod direction;
mod find_items;
mod find_stores;
mod folded;
mod found;
pub(crate) mod http;
mod index_writer;
mod item_filter;
mod item_pages;
mod item_run;
mod item_search;
mod item_terms;
mod keyword;
mod matches;
mod order;
mod pieces;
mod place;
mod posting_spans;
mod rebuild;
mod store_run;
mod store_search;
mod term;
mod text_term;

pub use budget::Budget;
pub use direction::Direction;
pub use find_items::find_items;
pub use find_stores::find_stores;
pub use found::Found;
pub use index_writer::{IndexError, index_changes, index_worker};
pub use item_filter::ItemFilter;
pub use item_pages::{ItemPage, ItemPages};
pub use item_search::ItemSearch;
pub use keyword::{Keyword, KeywordFault};
pub use order::{ItemPosition, ItemSort, StoreKey, StorePosition, StoreSort};
pub use place::{Fit, Place, Rank};
pub use rebuild::{RebuildError, rebuild, rebuild_from, renew};
pub use store_search::StoreSearch;
pub use term::{ItemFacts, Term};
pub use text_term::{KeywordTerms, each_text_term};
