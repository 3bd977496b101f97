//! The settings of Spring's keys.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// Keys that open the values that a Spring server has sealed.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SpringSettings {
    /// The password of symmetric values: Spring's `encrypt.key`.
    #[garde(skip)]
    pub key: Option<SecretString>,
    /// The salt of symmetric values, in hexadecimal digits: Spring's `encrypt.salt`.
    #[garde(length(min = 1))]
    pub salt: String,
    /// The key store of RSA values: Spring's `encrypt.key-store`.
    #[garde(dive)]
    pub key_store: Option<KeyStoreSettings>,
}

/// A key store with RSA keys.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyStoreSettings {
    /// The PKCS #12 file. A JKS file is converted by `keytool -importkeystore`.
    #[garde(skip)]
    pub path: PathBuf,
    /// The password of the file.
    #[garde(skip)]
    pub password: SecretString,
    /// The key of values that name none. It may be missing if the file has one key.
    #[serde(default)]
    #[garde(inner(length(min = 1)))]
    pub alias: Option<String>,
    /// How the secret of a value is sealed by RSA: Spring's `encrypt.rsa.algorithm`.
    #[serde(default)]
    #[garde(skip)]
    pub algorithm: RsaAlgorithm,
    /// Whether values are sealed by GCM: Spring's `encrypt.rsa.strong`.
    #[serde(default)]
    #[garde(skip)]
    pub strong: bool,
    /// The salt of values, in hexadecimal digits: Spring's `encrypt.rsa.salt`.
    #[serde(default = "default_salt")]
    #[garde(length(min = 1))]
    pub salt: String,
}

/// How RSA is padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RsaAlgorithm {
    /// PKCS #1, version 1.5.
    #[default]
    Default,
    /// OAEP with SHA-1.
    Oaep,
}

impl Default for SpringSettings {
    fn default() -> Self {
        Self { key: None, salt: default_salt(), key_store: None }
    }
}

fn default_salt() -> String {
    String::from("deadbeef")
}
