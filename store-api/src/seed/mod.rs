//! A believable catalogue for demonstrations and measurements: the same one for the same seed number.
//!
//! Rows are written in bulk, without recording changes for the search index. The index is rebuilt at the end. After an
//! interruption, a run with the same plan continues: existing rows are skipped. All counts are true: every heart and
//! follow is a row, and the sold pieces are in confirmed reservations. The orders and members exist in no other service.

mod catalogue;
mod db;
mod plan;
mod seed_catalogue;
mod words;

pub use catalogue::{Catalogue, SeedItem, SeedStore};
pub use plan::{Plan, Progress};
pub use seed_catalogue::{SeedError, seed_catalogue};
