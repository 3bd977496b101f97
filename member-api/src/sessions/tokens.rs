//! Access tokens, and the keys that sign and verify them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use access::{Jwk, Jwks, KeyError, Principal, SigningKey, TokenError, UserKeys, UserTokens};
use arc_swap::ArcSwap;
use clock::Clock;
use service_host::Live;
use service_host::live::Commit;

use crate::settings;

/// Signs access tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    access: access::Settings,
    clock: Clock,
    current: ArcSwap<Current>,
    /// Where the public keys of this process's own verifier are.
    verifier: OnceLock<UserKeys>,
}

/// What is made from the settings.
#[derive(Debug)]
struct Current {
    signer: UserTokens,
    /// The first key signs. The others have signed tokens that may still be valid.
    keys: Vec<SigningKey>,
    refresh_lifetime: Duration,
    session_lifetime: Duration,
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
    /// Reads the keys and lifetimes from the settings, also from later ones.
    pub fn new(
        settings: &Live<settings::Tokens>,
        access: &access::Settings,
        clock: Clock,
    ) -> Result<Self, SigningKeyError> {
        let current = Current::new(&settings.get(), access, &clock)?;
        let tokens = Self(Arc::new(Shared {
            access: access.clone(),
            clock,
            current: ArcSwap::from_pointee(current),
            verifier: OnceLock::new(),
        }));
        let shared = Arc::clone(&tokens.0);
        settings.prepare_with(move |settings, _| {
            let shared = Arc::clone(&shared);
            let made = Current::new(&settings, &shared.access, &shared.clock);
            std::future::ready(made.map(|current| Box::new(move || shared.replace(current)) as Commit))
        });
        Ok(tokens)
    }

    /// Gives `verifier` the public keys, now and whenever they change.
    pub fn publish(&self, verifier: UserKeys) {
        verifier.replace(&self.jwks());
        // There is one verifier in a process.
        let _ = self.0.verifier.set(verifier);
    }

    /// Signs an access token for `principal`.
    pub fn sign(&self, principal: &Principal) -> Result<String, TokenError> {
        let current = self.0.current.load();
        let key = current.keys.first().ok_or(TokenError::NoKeys)?;
        current.signer.sign(principal, key)
    }

    /// How long an access token is valid.
    pub fn access_lifetime(&self) -> Duration {
        self.0.current.load().signer.lifetime()
    }

    /// How long a session lasts after its last refresh.
    pub fn refresh_lifetime(&self) -> Duration {
        self.0.current.load().refresh_lifetime
    }

    /// How long after its sign-in a session ends, however often it was refreshed.
    pub fn session_lifetime(&self) -> Duration {
        self.0.current.load().session_lifetime
    }

    /// The public keys, for all who verify access tokens.
    pub fn jwks(&self) -> Jwks {
        self.0.current.load().jwks()
    }
}

impl Shared {
    fn replace(&self, current: Current) {
        // The new keys are known before a token is signed with one of them.
        if let Some(verifier) = self.verifier.get() {
            verifier.replace(&current.jwks());
        }
        self.current.store(Arc::new(current));
    }
}

impl Current {
    fn new(
        settings: &settings::Tokens,
        access: &access::Settings,
        clock: &Clock,
    ) -> Result<Self, SigningKeyError> {
        let keys = settings.signing_keys.iter().enumerate().map(|(index, secret)| {
            SigningKey::from_base64(secret).map_err(|source| SigningKeyError { index, source })
        });
        let lifetime = Duration::from_secs(settings.access_lifetime_s);
        let days = |days: u32| Duration::from_hours(24 * u64::from(days));
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
            signer: UserTokens::new(access, lifetime, clock.clone()),
            refresh_lifetime: days(settings.refresh_lifetime_days),
            session_lifetime: days(settings.session_lifetime_days),
        })
    }

    fn jwks(&self) -> Jwks {
        Jwks { keys: self.keys.iter().map(Jwk::from).collect() }
    }
}
