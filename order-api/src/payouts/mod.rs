//! Paying sellers.

pub mod db;
pub(crate) mod http;
pub mod pay_out;
