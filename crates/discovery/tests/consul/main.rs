//! Discovery with a real Consul.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

mod faults;
mod support;
mod tokens;
mod watching;
