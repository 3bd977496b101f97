//! The routes of settlement, a file for each operation.

pub(crate) mod settlement_list;
mod settlement_run_body;
pub(crate) mod settlement_run_create;
pub(crate) mod settlement_run_list;
