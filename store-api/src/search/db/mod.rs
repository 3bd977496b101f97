//! The SQL of searches: the table `search_blocks`, what the index is made of, and the rows that a search reads.

pub mod blocks;
pub mod documents;
pub mod listing;
pub mod rows;
