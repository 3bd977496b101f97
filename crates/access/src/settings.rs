use std::collections::BTreeMap;

use clock::Clock;
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{KeyError, ServiceKeys, ServiceTokens, SigningKey, UserKeys};

/// The section `access`: how a process knows who is calling, and shows who it is.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The issuer of user tokens: `iss`.
    #[garde(length(min = 1))]
    pub issuer: String,
    /// Whom user tokens are for: `aud`.
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
    /// The own key.
    #[error("the setting access.service-signing-key is not an Ed25519 key in base64 PKCS #8")]
    OwnKey(#[source] KeyError),
    /// Another service's key.
    #[error("the setting access.service-keys.{service} is not an Ed25519 public key in base64")]
    ServiceKey {
        /// Whose.
        service: String,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
}

impl Settings {
    /// Makes the service tokens of the service `name`, where it has a key.
    pub fn service_tokens(&self, name: &str, clock: Clock) -> Result<Option<ServiceTokens>, AccessError> {
        let Some(secret) = &self.service_signing_key else { return Ok(None) };
        let key = SigningKey::from_base64(secret).map_err(AccessError::OwnKey)?;
        Ok(Some(ServiceTokens::new(name, key, clock)))
    }

    /// Verifies the service tokens that are meant for the service `name`.
    pub fn service_keys(&self, name: &str, clock: Clock) -> Result<ServiceKeys, AccessError> {
        ServiceKeys::new(name, &self.service_keys, clock)
    }

    /// Verifies user tokens; knows no key until it is given some.
    pub fn user_keys(&self, clock: Clock) -> UserKeys {
        UserKeys::new(&self.issuer, &self.audience, clock)
    }
}
