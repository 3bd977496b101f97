//! The SQL of orders, a file for each table.

pub mod line_changes;
pub mod order_lines;
pub mod orders;
pub mod sales;
