//! User tokens, which member-api gives a member who signs in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use clock::Clock;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::jwt::{self, Parties, Times};
use crate::verified::Verified;
use crate::{MemberId, Principal, Role, SigningKey, TokenError};

const TYP: &str = "at+jwt";
/// How often the keys are fetched when no token needs newer ones.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// The shortest time between two fetches, after a failure or for a token with an unknown key. An attacker can make up ids of
/// keys, and must not cause a fetch for each.
const REFRESH_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How long the verification of a token with an unknown key waits for newer keys.
const NEWER_KEYS_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    role: Role,
    sid: Uuid,
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

/// Signs user tokens. Only member-api does.
#[derive(Debug)]
pub struct UserTokens {
    issuer: String,
    audience: String,
    lifetime: Duration,
    clock: Clock,
}

impl UserTokens {
    /// Tokens with the issuer and the audience of the settings, each valid for `lifetime`.
    pub fn new(settings: &crate::Settings, lifetime: Duration, clock: Clock) -> Self {
        Self { issuer: settings.issuer.clone(), audience: settings.audience.clone(), lifetime, clock }
    }

    /// A token for `principal`.
    pub fn sign(&self, principal: &Principal, key: &SigningKey) -> Result<String, TokenError> {
        let now = self.clock.now().unix_timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: principal.member_id.0,
            role: principal.role,
            sid: principal.session_id,
            iat: now,
            exp: now.saturating_add(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX)),
        };
        jwt::sign(TYP, &claims, key, key.id())
    }

    /// How long a token is valid.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

/// A set of public keys (RFC 7517).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// A public Ed25519 key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// The type of the key.
    #[schema(example = "OKP")]
    pub kty: String,
    /// The curve.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// The use of the key.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: String,
    /// The algorithm.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// The id by which tokens name the key.
    pub kid: String,
    /// The public key, in base64url.
    pub x: String,
}

impl From<&SigningKey> for Jwk {
    fn from(key: &SigningKey) -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            usage: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
            kid: key.id().to_owned(),
            x: key.public_base64url(),
        }
    }
}

/// Verifies user tokens. Cheap to clone; clones share their keys.
#[derive(Clone)]
pub struct UserKeys {
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    audience: String,
    clock: Clock,
    keys: ArcSwap<Keys>,
    /// Whether [`UserKeys::keep_fresh`] runs.
    is_kept_fresh: AtomicBool,
    /// Wakes [`UserKeys::keep_fresh`] up, for newer keys.
    wanted: Notify,
    /// Counts refreshes, so that a verification that waits knows when one is over.
    refreshes: watch::Sender<u64>,
}

/// The keys of one fetch, with the tokens that were verified with them. When the keys change, no token is remembered.
#[derive(Default)]
struct Keys {
    published: Jwks,
    by_id: HashMap<String, DecodingKey>,
    verified: Verified<Known>,
}

/// What is remembered of a token.
#[derive(Clone, Copy)]
struct Known {
    principal: Principal,
    iat: i64,
    exp: i64,
}

impl From<&Claims> for Known {
    fn from(claims: &Claims) -> Self {
        let principal =
            Principal { member_id: MemberId(claims.sub), role: claims.role, session_id: claims.sid };
        Self { principal, iat: claims.iat, exp: claims.exp }
    }
}

impl Times for Known {
    fn issued_at(&self) -> i64 {
        self.iat
    }
    fn expires_at(&self) -> i64 {
        self.exp
    }
}

impl Keys {
    fn new(jwks: &Jwks) -> Self {
        let mut by_id = HashMap::new();
        for jwk in &jwks.keys {
            match DecodingKey::from_ed_components(&jwk.x) {
                Ok(key) if jwk.kty == "OKP" && jwk.crv == "Ed25519" => {
                    by_id.insert(jwk.kid.clone(), key);
                }
                _ => tracing::warn!(kid = jwk.kid, "skipped a key that is not an Ed25519 key"),
            }
        }
        Self { published: jwks.clone(), by_id, verified: Verified::default() }
    }
}

impl std::fmt::Debug for UserKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.shared.keys.load();
        f.debug_struct("UserKeys").field("ids", &keys.by_id.keys().collect::<Vec<_>>()).finish()
    }
}

impl UserKeys {
    /// Has no keys until [`replace`](Self::replace) or [`keep_fresh`](Self::keep_fresh) gives it some.
    pub fn new(issuer: &str, audience: &str, clock: Clock) -> Self {
        let shared = Shared {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            clock,
            keys: ArcSwap::default(),
            is_kept_fresh: AtomicBool::new(false),
            wanted: Notify::new(),
            refreshes: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether it has any key.
    pub fn are_known(&self) -> bool {
        !self.shared.keys.load().by_id.is_empty()
    }

    /// Replaces its keys by these. A key that is not an Ed25519 key is skipped with a warning.
    pub fn replace(&self, jwks: &Jwks) {
        if self.shared.keys.load().published != *jwks {
            self.shared.keys.store(Arc::new(Keys::new(jwks)));
        }
        self.shared.refreshes.send_modify(|count| *count += 1);
    }

    /// Fetches the keys now, every minute, and when a token names an unknown key. Runs for ever. While a fetch fails, the old
    /// keys stay.
    pub async fn keep_fresh<F, E>(self, mut fetch: impl FnMut() -> F)
    where
        F: Future<Output = Result<Jwks, E>>,
        E: std::error::Error,
    {
        self.shared.is_kept_fresh.store(true, Ordering::Relaxed);
        loop {
            let wait = match fetch().await {
                Ok(jwks) => {
                    self.replace(&jwks);
                    REFRESH_EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "can't fetch the keys of user tokens");
                    self.shared.refreshes.send_modify(|count| *count += 1);
                    REFRESH_AT_MOST_EVERY
                }
            };
            tokio::time::sleep(REFRESH_AT_MOST_EVERY).await;
            let _ = tokio::time::timeout(wait, self.shared.wanted.notified()).await;
        }
    }

    /// The member whose token this is.
    ///
    /// A signature is verified once; then the token is remembered until the keys change. Its times are checked at each call.
    pub async fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        let known = self.shared.keys.load().verified.get(token);
        let known = match known {
            Some(known) => {
                jwt::check_times(&known, &self.shared.clock)?;
                known
            }
            None => self.verify_signature(token).await?,
        };
        Ok(known.principal)
    }

    async fn verify_signature(&self, token: &str) -> Result<Known, TokenError> {
        let key_id = jwt::key_id(token, TYP)?;
        if !self.shared.keys.load().by_id.contains_key(&key_id) {
            self.wait_for_newer().await;
        }
        let keys = self.shared.keys.load();
        if keys.by_id.is_empty() {
            return Err(TokenError::NoKeys);
        }
        let key = keys.by_id.get(&key_id).ok_or(TokenError::UnknownKey)?;
        let parties = Parties { issuer: &self.shared.issuer, audience: &self.shared.audience };
        let claims: Claims = jwt::verify(token, &parties, key, &self.shared.clock)?;
        let known = Known::from(&claims);
        keys.verified.remember(token, known);
        Ok(known)
    }

    async fn wait_for_newer(&self) {
        if !self.shared.is_kept_fresh.load(Ordering::Relaxed) {
            return;
        }
        let mut refreshes = self.shared.refreshes.subscribe();
        refreshes.mark_unchanged();
        self.shared.wanted.notify_one();
        let _ = tokio::time::timeout(NEWER_KEYS_TIMEOUT, refreshes.changed()).await;
    }
}
