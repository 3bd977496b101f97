//! Orders, their lines, and the lines as sales of their sellers.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `order` | an order, its lines, and why an order fails |
//! | `line` | the statuses of a line |
//! | `additions` | what lines add to the running totals of their sellers |
//! | `db/` | the SQL |

pub mod additions;
pub mod db;
pub(crate) mod http;
pub mod line;
pub mod order;
