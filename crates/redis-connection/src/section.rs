//! The section `redis` of the settings.

use std::path::PathBuf;

use garde::Validate;
use serde::Deserialize;
use settings::{Live, Password, Username};

use crate::{AddressError, RedisAccount, RedisAddress, RedisConnection, Timeouts};

/// The section `redis`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RedisSettings {
    /// The address: `redis://host:port/database`, or `rediss://host:port/database` over TLS.
    #[garde(prefix("redis"))]
    pub url: String,
    /// The account. Without it, that of the address, or Redis's `default`.
    #[garde(dive)]
    #[serde(default)]
    pub username: Live<Option<Username>>,
    /// Its password; sealed. Open connections go on with a new account and password.
    #[garde(dive)]
    #[serde(default)]
    pub password: Live<Option<Password>>,
    /// A PEM file, on the machine of this process, with the authorities that may sign the certificate of Redis. Without it, the
    /// public ones may. It needs `rediss://`.
    #[garde(skip)]
    pub tls_ca_file: Option<PathBuf>,
}

impl RedisSettings {
    /// A Redis at this address, which says all that is needed.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), username: Live::default(), password: Live::default(), tls_ca_file: None }
    }

    /// A connection, which is opened at the first use. Fails if the address or the file can't be used.
    pub fn connection(&self, timeouts: Timeouts) -> Result<RedisConnection, AddressError> {
        let address = RedisAddress { url: &self.url, ca_file: self.tls_ca_file.as_deref() };
        let account = RedisAccount { username: self.username.clone(), password: self.password.clone() };
        RedisConnection::with_account(&address, timeouts, &account)
    }
}
