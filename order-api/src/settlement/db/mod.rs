//! The SQL of settlement, a file for each table.

pub mod control_sums;
pub mod lines;
pub mod seller_day_totals;
pub mod settlement_days;
pub mod settlements;
