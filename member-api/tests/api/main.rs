//! Tests of the service through its router and with a real database: its answers, and the stored rows.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod accounts;
mod audit;
mod documentation;
mod hash_queue;
mod keys;
mod ledger;
mod ledger_under_load;
mod live_settings;
mod one_time_passwords;
mod own_sessions;
mod revocations;
mod security;
mod security_events;
mod sessions;
mod strictness;
mod texts;
mod throttle;
mod transfers;
mod wallet;
mod wallet_lock;
mod world;
