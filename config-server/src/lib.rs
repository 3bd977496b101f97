//! config-server: the settings of every process, in Spring Cloud Config's formats, with sealed values.
//!
//! ```text
//! files ──► format ──► repository ──► environment ──► http ──► an application
//!            YAML,      snapshot of    sealed values            only its own settings
//!         properties    all files      opened
//! ```
//!
//! A secret is *sealed* with a public key, and *opened* with the private key. Spring's protocol has other words for this: the
//! route that seals is `/encrypt`, and a sealed value begins with `{cipher}`.
//!
//! | where | what |
//! |---|---|
//! | [`mod@format`] | reads settings files as Spring does: YAML 1.1 and properties, as flat keys |
//! | [`repository`] | all files in memory, kept up to date; which of them apply to a request, and in which order |
//! | [`environment`] | the settings of a request with opened values, their version, and their renderings |
//! | [`sealing`] | the private keys that open sealed values |
//! | [`access`] | the passwords of the applications and of the operator, and the files that belong to an application |
//! | [`names`] | the names in a request: applications, profiles, labels |
//! | [`settings`], `flags` | the settings of config-server itself, and their source |
//! | [`http`] | the routes |
//! | `waiting` | answers who waits for a change |
//! | `instances` | which process runs which version |
//! | [`commands`] | `config-server check`, `keygen`, `seal`, `open`, `keys` and `reseal` |
//! | `server`, `service` | the state that the routes share, and the start of the process |
//!
//! docs/config-server.md says where the answers differ from those of Spring's server, and why.

pub mod access;
pub mod commands;
pub mod environment;
mod flags;
pub mod format;
pub mod http;
mod instances;
pub mod names;
pub mod repository;
pub mod sealing;
mod server;
mod service;
pub mod settings;
mod waiting;

use std::process::ExitCode;

pub use server::ConfigServer;

/// Runs the process until it ends.
pub fn main() -> ExitCode {
    service_host::main_with::<ConfigServer, flags::Flags>()
}
