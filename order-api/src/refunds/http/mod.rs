//! The routes of refunds, a file for each operation.

pub(crate) mod line_cancel;
mod line_error;
mod reason;
pub(crate) mod refund_accept;
pub(crate) mod refund_reject;
pub(crate) mod refund_request_create;
pub(crate) mod refund_request_withdraw;
