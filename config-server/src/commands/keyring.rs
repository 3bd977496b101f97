//! The keys of a command, as its arguments name them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

use super::input::without_line_end;
use crate::sealing::spring::{KeyStoreSettings, RsaAlgorithm, SpringKeyError, SpringKeys, SpringSettings};
use crate::sealing::{Keyring, KeyringError};

/// The files of keys and passwords. A password is never an argument: everybody on the machine sees arguments.
// The command `keys` has a group of its own name already.
#[derive(Debug, Args)]
#[group(id = "key-files")]
pub struct Keys {
    /// The file of a private key. It can be repeated: the first key also seals.
    #[arg(long = "key", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The file with Spring's `encrypt.key`.
    #[arg(long, value_name = "FILE")]
    spring_key: Option<PathBuf>,

    /// Spring's `encrypt.salt`.
    #[arg(long, value_name = "HEX", default_value = "deadbeef")]
    spring_salt: String,

    /// Spring's key store, a PKCS #12 file.
    #[arg(long, value_name = "FILE", requires = "key_store_password")]
    key_store: Option<PathBuf>,

    /// The file with the password of the key store.
    #[arg(long, value_name = "FILE")]
    key_store_password: Option<PathBuf>,

    /// The key in the key store of values that name none.
    #[arg(long, value_name = "ALIAS")]
    key_store_alias: Option<String>,

    /// Spring's `encrypt.rsa.salt`.
    #[arg(long, value_name = "HEX", default_value = "deadbeef")]
    key_store_salt: String,

    /// Spring's `encrypt.rsa.algorithm` is `OAEP`.
    #[arg(long)]
    key_store_oaep: bool,

    /// Spring's `encrypt.rsa.strong` is true.
    #[arg(long)]
    key_store_strong: bool,
}

/// Why the keys of a command can't be used.
#[derive(Debug, Error)]
pub enum KeysError {
    /// Our keys can't be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Spring's keys can't be used.
    #[error(transparent)]
    Spring(#[from] SpringKeyError),
    /// A password can't be read.
    #[error("the password can't be read from {}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Keys {
    pub(super) fn read(&self) -> Result<Keyring, KeysError> {
        let key_store = match (&self.key_store, &self.key_store_password) {
            (Some(path), Some(password)) => Some(KeyStoreSettings {
                path: path.clone(),
                password: read_password(password)?,
                alias: self.key_store_alias.clone(),
                algorithm: if self.key_store_oaep { RsaAlgorithm::Oaep } else { RsaAlgorithm::Default },
                strong: self.key_store_strong,
                salt: self.key_store_salt.clone(),
            }),
            _ => None,
        };
        let key = self.spring_key.as_deref().map(read_password).transpose()?;
        let spring = SpringSettings { key, salt: self.spring_salt.clone(), key_store };
        Ok(Keyring::read(&self.files)?.with_spring(SpringKeys::read(&spring)?))
    }
}

fn read_password(path: &Path) -> Result<SecretString, KeysError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| KeysError::Password { path: path.to_owned(), source })?;
    Ok(without_line_end(&text).to_owned().into())
}
