//! The tables of sessions, a file for each.

mod delete_before;
pub mod known_places;
pub mod refresh_tokens;
pub mod sessions;
pub mod sign_in_attempts;
pub mod sign_in_failures;
