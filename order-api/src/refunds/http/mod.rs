//! The routes of refunds, a file for each operation.

pub(crate) mod line_cancel;
pub(crate) mod refund_accept;
pub(crate) mod refund_request_create;
mod line_error;
mod reason;
