//! What a process makes from its section `access`.

use clock::Clock;

use crate::{AccessError, ServiceKeys, ServiceTokens, Settings, SigningKey, UserKeys};

impl Settings {
    /// Makes the service tokens of the service `name`; `None` if it has no key.
    pub fn service_tokens(&self, name: &str, clock: Clock) -> Result<Option<ServiceTokens>, AccessError> {
        let Some(secret) = &self.service_signing_key else { return Ok(None) };
        let key = SigningKey::from_base64(secret).map_err(AccessError::OwnKey)?;
        Ok(Some(ServiceTokens::new(name, key, clock)))
    }

    /// Verifies the service tokens whose audience is the service `name`.
    pub fn service_keys(&self, name: &str, clock: Clock) -> Result<ServiceKeys, AccessError> {
        ServiceKeys::new(name, &self.service_keys, clock)
    }

    /// Verifies user tokens. It has no keys until it is given some.
    pub fn user_keys(&self, clock: Clock) -> UserKeys {
        UserKeys::new(&self.issuer, &self.audience, clock)
    }
}
