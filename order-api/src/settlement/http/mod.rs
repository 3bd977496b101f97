//! The routes of settlement, a file for each operation.

mod settlement_run_body;
pub(crate) mod settlement_list;
pub(crate) mod settlement_run_create;
pub(crate) mod settlement_run_list;
