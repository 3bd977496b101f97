//! A believable catalogue for demonstrations and measurements: the same one for the same seed number.
//!
//! Rows are written in bulk, without notes for the search index, and the index is told of them at the end. A run that
//! was interrupted is repeated with the same plan: existing rows are skipped. All counts are true: every heart and
//! follow is a row, and what was sold was reserved and confirmed. Its orders and members exist in no other service.

mod catalogue;
mod db;
mod plan;
mod seed_catalogue;
mod words;

pub use catalogue::{Catalogue, SeedItem, SeedStore};
pub use plan::{Plan, Progress};
pub use seed_catalogue::{SeedError, seed_catalogue};
