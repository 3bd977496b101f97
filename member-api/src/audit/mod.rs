//! The audit of the ledger: whether all sums agree.

pub mod db;
pub(crate) mod http;
pub mod ledger_audit;
