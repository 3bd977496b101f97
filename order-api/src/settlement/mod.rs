//! Settling days.

pub mod control_sum;
pub mod counter_shards;
pub mod day;
pub mod db;
pub mod job;
pub mod seller_settlement;
pub mod settler;
pub mod totals;
mod gauges;
mod pace;
mod proof;
mod read_ahead;
pub(crate) mod http;
pub(crate) mod worker;
