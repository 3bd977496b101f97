//! The routes of accounts: a file for each operation.

pub(crate) mod me_close;
pub(crate) mod me_show;
pub(crate) mod me_update;
mod member_body;
pub(crate) mod otp_confirm;
pub(crate) mod otp_create;
pub(crate) mod otp_delete;
pub(crate) mod password_change;
pub(crate) mod sign_up;
