//! The connection to a real Redis, through a proxy that makes faults.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod accounts;
mod cancellation;
mod faults;
mod support;
mod tls;
