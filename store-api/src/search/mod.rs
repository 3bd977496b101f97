//! Finding items and stores, with work that is bounded whatever is asked.
//!
//! # The index
//! Every item has a number, given out in the order of listing. The table `search_blocks` keeps for each *term* the
//! numbers that have it, as a Roaring bitmap: terms are the pieces of the words of names and descriptions, and also the
//! category, the store, «in stock», and bands of price, hearts and pieces sold. A search intersects the bitmaps of its
//! terms, which takes the same few kilobytes of reading for each term however rare or frequent it is. It gives numbers;
//! every row behind a number is read and judged by itself before it is shown, so the index may say too much, but never
//! too little.
//!
//! # The order
//! * Latest: from the highest number down. Newest blocks are read first, and mostly suffice.
//! * By a key (hearts, sold, price): few matches are looked up and sorted. Many are intersected with one band of the key
//!   after the other, first broad ones and, for prices, then narrow ones; in a band, few matches are looked up and
//!   sorted, and among many, the band is read in the order of the key's own index, picking what matches.
//! * What has the words in its name comes before what has them only with its description. The index knows which
//!   names hold a word of up to 16 characters exactly, and so shows neither twice.
//!
//! # Changes
//! The transaction that changes an item notes it in `search_changes`. A search takes what is noted out of the bitmaps
//! and judges it by its rows, so it shows every committed change at once; [`index_changes`] brings the bitmaps up to
//! date behind it, on one instance at a time. The notes are read before the bitmaps: a change that is written into the
//! bitmaps between the two is seen twice rather than not at all, and merged.
//!
//! # The end of patience
//! However a search is made up, it reads so many rows and no more ([`Effort`]). Where that does not fill a page, the
//! page is short, or empty, and its cursor goes on from where the search stopped.

mod band_groups;
mod budget;
mod collector;
pub mod db;
mod find_items;
pub(crate) mod http;
mod index_writer;
mod item_filter;
pub(crate) mod item_pages;
mod item_run;
mod item_search;
mod item_terms;
mod keyword;
mod order;
mod posting_spans;
mod rebuild;
mod store_search;
mod term;

pub use budget::Effort;
pub use collector::Found;
pub use find_items::find_items;
pub use index_writer::{IndexError, index_changes, index_worker};
pub use item_filter::ItemFilter;
pub use item_pages::ItemPages;
pub use item_search::ItemSearch;
pub use keyword::{Keyword, KeywordFault, Rank};
pub use order::{ItemPlace, ItemSort, StoreKey, StorePlace, StoreSort};
pub use rebuild::{RebuildError, rebuild, rebuild_from};
pub use store_search::{StoreSearch, find_stores};
pub use term::{ItemFacts, NameTerms, Term, each_name_term, each_text_term};
