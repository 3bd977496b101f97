//! Tests of the server's router with directories that the tests make.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod audit;
mod authentication;
mod configuration;
mod git;
mod git_by_http;
#[path = "../support/git.rs"]
mod git_origin;
mod harness;
mod hostile_files;
mod instances;
mod ownership;
mod paths;
mod sealing;
mod serving;
mod waiting;
