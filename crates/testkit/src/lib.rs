//! Helpers that only tests use: members with tokens, and requests to a router.
//!
//! Whatever goes wrong in here panics with what it was: in a test, that is the message.

mod client;
mod people;

pub use client::{Answer, Client, Request};
pub use people::People;
