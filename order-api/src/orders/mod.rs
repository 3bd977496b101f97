//! Orders and their lines.

pub mod db;
pub(crate) mod http;
pub mod line;
pub mod order;
