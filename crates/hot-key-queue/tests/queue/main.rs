//! The queue with a real Redis.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod cancellation;
mod exclusion;
mod redis_down;
mod routes;
mod support;
