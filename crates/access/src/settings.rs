use std::collections::BTreeMap;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use settings::Live;

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
    /// calls no other service has none. All who verify must know its public half before it signs: `cargo xtask config rotate-service-key`
    /// changes both in this order.
    #[garde(dive)]
    #[serde(default)]
    pub service_signing_key: Live<Option<ServiceSigningKey>>,
    /// The public keys of the services that may call another one, by name: 32 bytes in base64. A service can have two, separated by
    /// a comma: the one that signs, and the one before or after it.
    #[garde(dive)]
    #[serde(default)]
    pub service_keys: Live<PublicKeys>,
}

/// The signing key of a service.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(transparent)]
pub struct ServiceSigningKey(#[garde(skip)] pub SecretString);

/// The public keys of services, by name.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(transparent)]
pub struct PublicKeys(#[garde(skip)] pub BTreeMap<String, String>);

impl Settings {
    /// Settings for user tokens alone: no service is known.
    pub fn of_users(issuer: &str, audience: &str, user_keys_service: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            user_keys_service: user_keys_service.to_owned(),
            service_signing_key: Live::default(),
            service_keys: Live::default(),
        }
    }
}

/// A setting of `access` that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The key of this service.
    #[error("the setting access.service-signing-key is not an Ed25519 key in base64 PKCS #8")]
    OwnKey(#[source] KeyError),
    /// There is no key any more.
    #[error("the setting access.service-signing-key is missing, and this process signs with it")]
    OwnKeyMissing,
    /// A service has too many keys.
    #[error("the setting access.service-keys.{0} has more than two keys")]
    TooManyKeys(String),
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
