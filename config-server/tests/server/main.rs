//! Tests of the server's router with directories that the tests make.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod audit;
mod authentication;
mod configuration;
mod harness;
mod hostile_files;
mod ownership;
mod paths;
mod sealing;
mod serving;
mod waiting;
