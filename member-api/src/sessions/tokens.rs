//! Access tokens, and the keys that sign and verify them.

use std::sync::Arc;
use std::time::Duration;

use access::{Jwk, Jwks, KeyError, Principal, SigningKey, TokenError, UserTokens};
use clock::Clock;

use crate::settings;

/// Signs access tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tokens {
    signer: Arc<UserTokens>,
    /// The first key signs. The others have signed tokens that may still be valid.
    keys: Arc<Vec<SigningKey>>,
    refresh_lifetime: Duration,
}

/// A signing key is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the setting tokens.signing-keys[{index}] is not an Ed25519 key in base64 PKCS #8")]
pub struct SigningKeyError {
    index: usize,
    #[source]
    source: KeyError,
}

impl Tokens {
    /// Reads the keys and lifetimes from the settings.
    pub fn new(
        settings: &settings::Tokens,
        access: &access::Settings,
        clock: Clock,
    ) -> Result<Self, SigningKeyError> {
        let keys = settings.signing_keys.iter().enumerate().map(|(index, secret)| {
            SigningKey::from_base64(secret).map_err(|source| SigningKeyError { index, source })
        });
        let lifetime = Duration::from_secs(settings.access_lifetime_s);
        Ok(Self {
            signer: Arc::new(UserTokens::new(access, lifetime, clock)),
            keys: Arc::new(keys.collect::<Result<_, _>>()?),
            refresh_lifetime: Duration::from_hours(24 * u64::from(settings.refresh_lifetime_days)),
        })
    }

    /// Signs an access token for `principal`.
    pub fn sign(&self, principal: &Principal) -> Result<String, TokenError> {
        let key = self.keys.first().ok_or(TokenError::NoKeys)?;
        self.signer.sign(principal, key)
    }

    /// How long an access token is valid.
    pub fn access_lifetime(&self) -> Duration {
        self.signer.lifetime()
    }

    /// How long a session lasts after its last refresh.
    pub fn refresh_lifetime(&self) -> Duration {
        self.refresh_lifetime
    }

    /// The public keys, for all who verify access tokens.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: self.keys.iter().map(Jwk::from).collect() }
    }
}
