//! config-server: the settings of every process, in Spring Cloud Config's formats, with sealed values.
//!
//! ```text
//! files ──► document ──► repository ──► environments ──► http/environment ──► an application
//!             YAML        which files     sealed values       its own settings only
//!                         and which wins  opened
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`repository`] | which files apply to an application, and which of them wins |
//! | `document` | one YAML file, read strictly |
//! | [`environments`] | the files put together, sealed values opened, the version |
//! | [`keyring`] | the private keys that open sealed values |
//! | [`credentials`] | the password of each application |
//! | [`names`] | names that can be parts of file names |
//! | [`settings`], `flags` | its own settings, and where it has them from |
//! | [`http`] | the routes |
//! | [`commands`] | `config-server seal` and `config-server keygen` |
//! | `service` | the server as a process |

pub mod commands;
pub mod credentials;
mod document;
pub mod environments;
mod flags;
pub mod http;
pub mod keyring;
pub mod names;
pub mod repository;
mod service;
pub mod settings;

use std::process::ExitCode;

use crate::credentials::Credentials;
use crate::environments::Environments;

/// What the routes share: what is served, and to whom.
#[derive(Debug)]
pub struct ConfigServer {
    environments: Environments,
    credentials: Credentials,
}

impl ConfigServer {
    /// Serves these environments to applications with these passwords.
    pub fn new(environments: Environments, credentials: Credentials) -> Self {
        Self { environments, credentials }
    }
}

/// Lives the life of the process.
pub fn main() -> ExitCode {
    service_host::main_with::<ConfigServer, flags::Flags>()
}
