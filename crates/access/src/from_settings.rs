//! What a process makes from its section `access`.

use std::future::ready;

use clock::Clock;
use settings::live::Commit;

use crate::settings::ServiceSigningKey;
use crate::{AccessError, ServiceKeys, ServiceTokens, Settings, SigningKey, UserKeys};

impl Settings {
    /// Makes the service tokens of the service `name`, also with later keys. Without a key, they can't be signed.
    pub fn service_tokens(&self, name: &str, clock: Clock) -> Result<ServiceTokens, AccessError> {
        let tokens =
            ServiceTokens::with_key(name, own_key(self.service_signing_key.get().as_ref().as_ref())?, clock);
        let replaced = tokens.clone();
        self.service_signing_key.prepare_with(move |secret, _| {
            let tokens = replaced.clone();
            ready(own_key(secret.as_ref().as_ref()).and_then(|key| {
                if key.is_none() && tokens.can_sign() {
                    return Err(AccessError::OwnKeyMissing);
                }
                Ok(Box::new(move || tokens.replace(key)) as Commit)
            }))
        });
        Ok(tokens)
    }

    /// Verifies the service tokens whose audience is the service `name`, also with later keys.
    pub fn service_keys(&self, name: &str, clock: Clock) -> Result<ServiceKeys, AccessError> {
        let keys = ServiceKeys::new(name, &self.service_keys.get().0, clock)?;
        let replaced = keys.clone();
        self.service_keys.prepare_with(move |public, _| {
            let keys = replaced.clone();
            ready(ServiceKeys::read(&public.0).map(|read| Box::new(move || keys.replace(read)) as Commit))
        });
        Ok(keys)
    }

    /// Verifies user tokens. It has no keys until it is given some.
    pub fn user_keys(&self, clock: Clock) -> UserKeys {
        UserKeys::new(&self.issuer, &self.audience, clock)
    }
}

fn own_key(secret: Option<&ServiceSigningKey>) -> Result<Option<SigningKey>, AccessError> {
    let key = secret.map(|ServiceSigningKey(secret)| SigningKey::from_base64(secret));
    key.transpose().map_err(AccessError::OwnKey)
}
