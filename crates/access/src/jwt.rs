//! What both kinds of token have in common: one algorithm, a type, an issuer, an audience, and times.

use clock::Clock;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::Duration;

use crate::SigningKey;

/// How much the clocks of two machines may differ.
const LEEWAY: Duration = Duration::seconds(5);
/// Longer than any of our tokens.
const MAX_CHARS: usize = 4_096;

/// Why a token is not accepted. Clients get the same answer for every reason; the log names the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a JWT, or a token of the other kind.
    #[error("the token is malformed or of another kind")]
    Malformed,
    /// It is signed with another algorithm than EdDSA, or not at all.
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    /// Its `kid` is not one of our keys.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature was not made with its key.
    #[error("the token's signature is wrong")]
    Signature,
    /// It has another issuer or audience.
    #[error("the token's issuer or audience is wrong")]
    Foreign,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// No key has been received so far.
    #[error("no keys to verify tokens with have been received")]
    NoKeys,
}

/// The issuer and the audience that a token must have.
#[derive(Debug)]
pub(crate) struct Parties<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
}

/// The times that each of our tokens carries, in seconds since the Unix epoch.
pub(crate) trait Times {
    fn issued_at(&self) -> i64;
    fn expires_at(&self) -> i64;
}

pub(crate) fn sign(
    typ: &'static str,
    claims: &impl Serialize,
    key: &SigningKey,
    key_id: &str,
) -> Result<String, TokenError> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.kid = Some(key_id.to_owned());
    jsonwebtoken::encode(&header, claims, &key.encoding).map_err(|_| TokenError::Malformed)
}

/// The `kid` of a token that has this type. Its signature is not verified.
pub(crate) fn key_id(token: &str, typ: &str) -> Result<String, TokenError> {
    if token.len() > MAX_CHARS {
        return Err(TokenError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // An algorithm that the library does not know, for example `none`, fails here as unreadable JSON.
        ErrorKind::Json(_) | ErrorKind::InvalidAlgorithmName => TokenError::Algorithm,
        _ => TokenError::Malformed,
    })?;
    if header.alg != Algorithm::EdDSA {
        return Err(TokenError::Algorithm);
    }
    if header.typ.as_deref() != Some(typ) {
        return Err(TokenError::Malformed);
    }
    header.kid.ok_or(TokenError::UnknownKey)
}

pub(crate) fn verify<C: DeserializeOwned + Times>(
    token: &str,
    parties: &Parties<'_>,
    key: &DecodingKey,
    clock: &Clock,
) -> Result<C, TokenError> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[parties.issuer]);
    validation.set_audience(&[parties.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Times are checked below, with our clock and not the library's.
    validation.validate_exp = false;
    let claims: C = jsonwebtoken::decode(token, key, &validation)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenError::Foreign,
            ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
            _ => TokenError::Malformed,
        })?
        .claims;
    check_times(&claims, clock)?;
    Ok(claims)
}

/// Checks that the token is valid now.
pub(crate) fn check_times(times: &impl Times, clock: &Clock) -> Result<(), TokenError> {
    let now = clock.now().unix_timestamp();
    if now >= times.expires_at().saturating_add(LEEWAY.whole_seconds()) {
        return Err(TokenError::Expired);
    }
    if times.issued_at() > now.saturating_add(LEEWAY.whole_seconds()) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}
