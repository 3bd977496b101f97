//! The secret that continues a session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garde::Validate;
use garde::error::Path;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// 32 random bytes in base64url. It can't be printed, and is written only into the answer that issues it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 64, example = "kz1E3nO0d6p1vJ4mJ0a5oXb8mLwqQ7sYtRr2u9cVx3A")]
pub struct RefreshToken(SecretString);

/// The SHA-256 of a refresh token, which is stored. A fast hash is enough, because the token is random.
pub type TokenHash = [u8; 32];

impl RefreshToken {
    /// Makes a token of random bytes.
    pub fn from_bytes(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into())
    }

    /// The hash to store and to look up.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.expose_secret().as_bytes()).into()
    }
}

impl Serialize for RefreshToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// Only limits the length. The lookup decides whether the token exists.
impl Validate for RefreshToken {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        if self.0.expose_secret().len() > 64 {
            report.append(parent(), garde::Error::new("is longer than a refresh token can be"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_hash_identifies_it_and_it_is_never_printed() {
        let token = RefreshToken::from_bytes([7; 32]);
        let written = serde_json::to_string(&token).unwrap();
        let read: RefreshToken = serde_json::from_str(&written).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_ne!(RefreshToken::from_bytes([8; 32]).hash(), token.hash());
        assert!(!format!("{token:?}").contains(written.trim_matches('"')));
    }
}
