//! The routes of payouts, a file for each operation.

mod payout_body;
pub(crate) mod payout_create;
pub(crate) mod payout_list;
