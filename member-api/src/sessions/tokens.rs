//! Access tokens, and the keys that they are verified with.

use std::sync::Arc;
use std::time::Duration;

use access::{Jwk, Jwks, KeyError, Principal, SigningKey, TokenError, UserTokens};
use clock::Clock;

use crate::settings;

/// Signs access tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tokens {
    signer: Arc<UserTokens>,
    /// The first one signs; the others have signed tokens that may still be good.
    keys: Arc<Vec<SigningKey>>,
    refresh_lifetime: Duration,
}

/// A signing key that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the setting tokens.signing-keys[{index}] is not an Ed25519 key in base64 PKCS #8")]
pub struct SigningKeyError {
    index: usize,
    #[source]
    source: KeyError,
}

impl Tokens {
    /// Tokens as the settings say.
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

    /// An access token that says who `principal` is.
    pub fn sign(&self, principal: &Principal) -> Result<String, TokenError> {
        let key = self.keys.first().ok_or(TokenError::NoKeys)?;
        self.signer.sign(principal, key)
    }

    /// How long an access token is good.
    pub fn access_lifetime(&self) -> Duration {
        self.signer.lifetime()
    }

    /// How long a session lasts from its last refresh.
    pub fn refresh_lifetime(&self) -> Duration {
        self.refresh_lifetime
    }

    /// The public keys, for everybody who verifies access tokens.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: self.keys.iter().map(Jwk::from).collect() }
    }
}
