//! The tables of sessions, a file for each.

mod delete_before;
pub mod refresh_tokens;
pub mod sessions;
pub mod sign_in_attempts;
