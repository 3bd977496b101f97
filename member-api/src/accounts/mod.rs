//! What a member does with the account: signing up, changing it, closing it.

pub mod change_password;
pub mod close_account;
pub mod create_admin;
pub(crate) mod http;
pub mod sign_up;
