//! Helpers that only tests use: members with tokens, requests to a router, a cable to a server that can be cut, a proxy
//! that makes the faults of a network, work that is cancelled, and the statements that a database is at work on.
//!
//! Whatever goes wrong in here panics with what it was: in a test, that is the message.

mod cable;
mod cancel;
mod client;
mod database;
mod fault_proxy;
mod people;

pub use cable::Cable;
pub use cancel::Cancel;
pub use client::{Answer, Client, Request};
pub use database::statements;
pub use fault_proxy::FaultProxy;
pub use people::People;
