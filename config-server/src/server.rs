//! The state that the routes share.

use crate::credentials::Credentials;
use crate::environments::Environments;

/// The server: the settings that it serves, and the applications that may read them.
#[derive(Debug)]
pub struct ConfigServer {
    pub(crate) environments: Environments,
    pub(crate) credentials: Credentials,
}

impl ConfigServer {
    /// Serves these environments to the applications with these passwords.
    pub fn new(environments: Environments, credentials: Credentials) -> Self {
        Self { environments, credentials }
    }
}
