//! Helpers that only tests use: members with tokens, requests to a router, and a cable to a server that can be cut.
//!
//! Whatever goes wrong in here panics with what it was: in a test, that is the message.

mod cable;
mod client;
mod people;

pub use cable::Cable;
pub use client::{Answer, Client, Request};
pub use people::People;
