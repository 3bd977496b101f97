//! The server's router over directories that are made in the test.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

mod authentication;
mod configuration;
mod harness;
mod sealing;
mod serving;
