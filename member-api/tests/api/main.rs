//! The service through its router, against the real database: what it answers, and what it stores.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod accounts;
mod audit;
mod documentation;
mod ledger;
mod ledger_under_load;
mod revocations;
mod security;
mod sessions;
mod throttle;
mod transfers;
mod wallet;
mod wallet_lock;
mod world;
