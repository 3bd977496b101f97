//! Helpers that only tests use: members with tokens, requests to a router, a cable to a server that can be cut, and the
//! statements that a database is at work on.
//!
//! Whatever goes wrong in here panics with what it was: in a test, that is the message.

mod cable;
mod client;
mod database;
mod people;

pub use cable::Cable;
pub use client::{Answer, Client, Request};
pub use database::statements;
pub use people::People;
