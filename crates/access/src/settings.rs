use std::collections::BTreeMap;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

use crate::KeyError;

/// The section `access`: how a process verifies who is calling, and proves who it is itself.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The issuer of user tokens: `iss`.
    #[garde(length(min = 1))]
    pub issuer: String,
    /// The audience of user tokens: `aud`.
    #[garde(length(min = 1))]
    pub audience: String,
    /// The service that publishes the keys of user tokens.
    #[garde(length(min = 1))]
    pub user_keys_service: String,
    /// This service's own signing key for service tokens: an Ed25519 key as PKCS #8 in base64; sealed. A process that
    /// calls no other service has none.
    #[garde(skip)]
    #[serde(default)]
    pub service_signing_key: Option<SecretString>,
    /// The public keys of the services that may call another one, by name: 32 bytes in base64.
    #[garde(skip)]
    #[serde(default)]
    pub service_keys: BTreeMap<String, String>,
}

/// A setting of `access` that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The key of this service.
    #[error("the setting access.service-signing-key is not an Ed25519 key in base64 PKCS #8")]
    OwnKey(#[source] KeyError),
    /// The key of another service.
    #[error("the setting access.service-keys.{service} is not an Ed25519 public key in base64")]
    ServiceKey {
        /// The name of that service.
        service: String,
        /// What is wrong with the key.
        #[source]
        source: KeyError,
    },
}
