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
mod malformed_input;
#[path = "../support/spring_repository.rs"]
mod moved;
mod ownership;
mod paths;
mod sealed_values;
mod sealing;
mod serving;
mod spring_repository;
mod torn_files;
mod waiting;
