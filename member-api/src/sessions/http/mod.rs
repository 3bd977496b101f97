//! The routes of sessions: a file for each operation.

pub(crate) mod jwks_show;
pub(crate) mod rate_limit;
pub(crate) mod revocations;
mod session_body;
pub(crate) mod session_create;
pub(crate) mod session_delete;
pub(crate) mod session_end;
pub(crate) mod session_list;
pub(crate) mod session_refresh;
