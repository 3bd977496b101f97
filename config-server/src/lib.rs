//! config-server: the settings of every process, in Spring Cloud Config's formats, with sealed values.
//!
//! ```text
//! files ──► document ──► repository ──► environments ──► http/environment ──► an application
//!             YAML        the files of    sealed values       only its own settings
//!                         an application  opened
//! ```
//!
//! A secret is *sealed* with a public key, and *opened* with the private key. Spring's protocol has other words for it: it
//! seals a value at `/encrypt`, and marks a sealed value by `{cipher}`.
//!
//! | where | what |
//! |---|---|
//! | [`repository`] | the files of an application, and which of them wins |
//! | `document` | reads a YAML file strictly |
//! | [`environments`] | puts the files together, opens sealed values, makes the version |
//! | [`keyring`] | the private keys that open sealed values |
//! | [`credentials`] | the password of each application |
//! | [`names`] | names that can be parts of file names |
//! | [`settings`], `flags` | the settings of config-server itself, and their source |
//! | [`http`] | the routes |
//! | [`commands`] | `config-server seal` and `config-server keygen` |
//! | `server`, `service` | the state that the routes share, and the start of the process |

pub mod commands;
pub mod credentials;
mod document;
pub mod environments;
mod flags;
pub mod http;
pub mod keyring;
pub mod names;
pub mod repository;
mod server;
mod service;
pub mod settings;

use std::process::ExitCode;

pub use server::ConfigServer;

/// Runs the process until it ends.
pub fn main() -> ExitCode {
    service_host::main_with::<ConfigServer, flags::Flags>()
}
