//! Payouts: a seller is paid the pending settlements of a range of days.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `payout` | a payout |
//! | `pay_out` | making a payout, and moving its money |
//! | `db` | the SQL |

pub mod db;
pub(crate) mod http;
pub mod pay_out;
pub mod payout;
