//! Service tokens, by which one service knows another.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

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
    key: SigningKey,
    clock: Clock,
    /// The last token for each audience.
    issued: Mutex<HashMap<String, (String, i64)>>,
}

impl ServiceTokens {
    /// Tokens of the service `name`.
    pub fn new(name: &str, key: SigningKey, clock: Clock) -> Self {
        Self(Arc::new(Signer { name: name.to_owned(), key, clock, issued: Mutex::default() }))
    }

    /// A token for the service `audience`, valid for half a minute or more.
    pub fn token_for(&self, audience: &str) -> Result<String, TokenError> {
        let now = self.0.clock.now().unix_timestamp();
        let mut issued = self.0.issued.lock().unwrap_or_else(PoisonError::into_inner);
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
        let token = jwt::sign(TYP, &claims, &self.0.key, &self.0.name)?;
        issued.insert(audience.to_owned(), (token.clone(), claims.exp));
        Ok(token)
    }
}

/// Verifies the service tokens whose audience is one service. Cheap to clone.
#[derive(Clone)]
pub struct ServiceKeys(Arc<Known>);

struct Known {
    audience: String,
    keys: HashMap<String, DecodingKey>,
    clock: Clock,
}

impl std::fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceKeys").field("services", &self.0.keys.keys().collect::<Vec<_>>()).finish()
    }
}

impl ServiceKeys {
    /// `keys` holds the public key of each caller, in base64, by the caller's name.
    pub fn new(audience: &str, keys: &BTreeMap<String, String>, clock: Clock) -> Result<Self, AccessError> {
        let keys = keys
            .iter()
            .map(|(service, key)| match decoding_key(key) {
                Ok(key) => Ok((service.clone(), key)),
                Err(source) => Err(AccessError::ServiceKey { service: service.clone(), source }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Known { audience: audience.to_owned(), keys, clock })))
    }

    /// The name of the service whose token this is.
    pub fn verify(&self, token: &str) -> Result<String, TokenError> {
        let caller = jwt::key_id(token, TYP)?;
        let key = self.0.keys.get(&caller).ok_or(TokenError::UnknownKey)?;
        let parties = Parties { issuer: &caller, audience: &self.0.audience };
        let _: Claims = jwt::verify(token, &parties, key, &self.0.clock)?;
        Ok(caller)
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
