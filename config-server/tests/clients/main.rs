//! Real clients of Spring Cloud Config read their settings from our binary, unchanged.
//!
//! `.ci/config-clients` builds and installs what the tests run, and names its folder in `CONFIG_CLIENTS`.
//!
//! | where | what |
//! |---|---|
//! | `spring`, `spring/` | a Spring Boot application with spring-cloud-starter-config |
//! | `scripts`, `node/`, `python/` | clients from npm and PyPI |
//! | `moving` | a repository of Spring's server, beside that server |
//! | `world` | our servers, the files that they serve, and Spring's server, which seals one value |
//! | `program` | a running process, with its log |
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

#[path = "../support/git.rs"]
mod git_origin;
#[path = "../support/spring_repository.rs"]
mod moved;
mod moving;
mod program;
mod scripts;
mod spring;
mod world;
