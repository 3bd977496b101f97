//! Service tokens, by which one service knows another.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clock::Clock;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use crate::jwt::{self, Parties, Times};
use crate::{AccessError, KeyError, SigningKey, TokenError};

const TYP: &str = "service+jwt";
/// How long a service token is valid, in seconds.
const LIFETIME_S: i64 = 60;
/// How many keys a service can have: one is replaced by another, and both are accepted in between.
const KEYS_MAX: usize = 2;
/// A token is used again while more than this is left of it.
const RENEW_BEFORE_S: i64 = 30;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
}

impl Times for Claims {
    fn issued_at(&self) -> i64 {
        self.iat
    }
    fn expires_at(&self) -> i64 {
        self.exp
    }
}

/// Signs this service's tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceTokens(Arc<Signer>);

#[derive(Debug)]
struct Signer {
    name: String,
    clock: Clock,
    signing: Mutex<Signing>,
}

/// They change together: no token of an old key is used again after it was replaced.
#[derive(Debug)]
struct Signing {
    key: Option<SigningKey>,
    /// The last token for each audience.
    issued: HashMap<String, (String, i64)>,
}

impl ServiceTokens {
    /// Tokens of the service `name`.
    pub fn new(name: &str, key: SigningKey, clock: Clock) -> Self {
        Self::with_key(name, Some(key), clock)
    }

    pub(crate) fn with_key(name: &str, key: Option<SigningKey>, clock: Clock) -> Self {
        let signing = Mutex::new(Signing { key, issued: HashMap::new() });
        Self(Arc::new(Signer { name: name.to_owned(), clock, signing }))
    }

    /// Whether there is a key.
    pub fn can_sign(&self) -> bool {
        self.signing().key.is_some()
    }

    /// Signs with this key from now on.
    pub(crate) fn replace(&self, key: Option<SigningKey>) {
        *self.signing() = Signing { key, issued: HashMap::new() };
    }

    fn signing(&self) -> MutexGuard<'_, Signing> {
        self.0.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token for the service `audience`, valid for half a minute or more.
    pub fn token_for(&self, audience: &str) -> Result<String, TokenError> {
        let now = self.0.clock.now().unix_timestamp();
        let mut signing = self.signing();
        let Signing { key, issued } = &mut *signing;
        if let Some((token, expires_at)) = issued.get(audience)
            && expires_at - now > RENEW_BEFORE_S
        {
            return Ok(token.clone());
        }
        let claims = Claims {
            iss: self.0.name.clone(),
            aud: audience.to_owned(),
            sub: self.0.name.clone(),
            iat: now,
            exp: now.saturating_add(LIFETIME_S),
        };
        let key = key.as_ref().ok_or(TokenError::NoKeys)?;
        let token = jwt::sign(TYP, &claims, key, &self.0.name)?;
        issued.insert(audience.to_owned(), (token.clone(), claims.exp));
        Ok(token)
    }
}

/// Verifies the service tokens whose audience is one service. Cheap to clone.
#[derive(Clone)]
pub struct ServiceKeys(Arc<Known>);

struct Known {
    audience: String,
    keys: ArcSwap<Keys>,
    clock: Clock,
}

/// The keys of each caller, by its name.
pub(crate) type Keys = HashMap<String, Vec<DecodingKey>>;

impl std::fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceKeys")
            .field("services", &self.0.keys.load().keys().collect::<Vec<_>>())
            .finish()
    }
}

impl ServiceKeys {
    /// `keys` holds the public keys of each caller, in base64 and separated by commas, by the caller's name.
    pub fn new(audience: &str, keys: &BTreeMap<String, String>, clock: Clock) -> Result<Self, AccessError> {
        let keys = ArcSwap::from_pointee(Self::read(keys)?);
        Ok(Self(Arc::new(Known { audience: audience.to_owned(), keys, clock })))
    }

    pub(crate) fn read(keys: &BTreeMap<String, String>) -> Result<Keys, AccessError> {
        let of_service = |(service, keys): (&String, &String)| {
            if keys.split(',').count() > KEYS_MAX {
                return Err(AccessError::TooManyKeys(service.clone()));
            }
            let keys = keys.split(',').map(decoding_key).collect::<Result<_, _>>();
            let keys = keys.map_err(|source| AccessError::ServiceKey { service: service.clone(), source })?;
            Ok((service.clone(), keys))
        };
        keys.iter().map(of_service).collect()
    }

    /// Verifies with these keys from now on.
    pub(crate) fn replace(&self, keys: Keys) {
        self.0.keys.store(Arc::new(keys));
    }

    /// The name of the service whose token this is.
    pub fn verify(&self, token: &str) -> Result<String, TokenError> {
        let caller = jwt::key_id(token, TYP)?;
        let keys = self.0.keys.load();
        let keys = keys.get(&caller).ok_or(TokenError::UnknownKey)?;
        let parties = Parties { issuer: &caller, audience: &self.0.audience };
        let mut verified = Err(TokenError::UnknownKey);
        for key in keys {
            verified = jwt::verify::<Claims>(token, &parties, key, &self.0.clock);
            // Only a signature can be right with another key.
            if !matches!(verified, Err(TokenError::Signature)) {
                break;
            }
        }
        verified.map(|_| caller)
    }
}

fn decoding_key(public: &str) -> Result<DecodingKey, KeyError> {
    let bytes = STANDARD.decode(public.trim()).map_err(KeyError::Base64)?;
    if bytes.len() != 32 {
        return Err(KeyError::NotEd25519("a public key has 32 bytes"));
    }
    DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(bytes))
        .map_err(|_| KeyError::NotEd25519("it is not a point of the curve"))
}
