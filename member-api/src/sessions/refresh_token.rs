//! The secret that keeps a session going.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garde::Validate;
use garde::error::Path;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// 32 random bytes in base64url. Can't be printed; is written only into the answer that hands it out.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 64, example = "kz1E3nO0d6p1vJ4mJ0a5oXb8mLwqQ7sYtRr2u9cVx3A")]
pub struct RefreshToken(SecretString);

/// What is stored of a refresh token: its SHA-256. The token is random, so that a fast hash is enough.
pub type TokenHash = [u8; 32];

impl RefreshToken {
    /// A token of these random bytes.
    pub fn of(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into())
    }

    /// What to store, and to look up.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.expose_secret().as_bytes()).into()
    }
}

impl Serialize for RefreshToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// Only bounds the work: what is not one of ours is found out by looking it up.
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
    fn it_is_found_again_by_its_hash_and_never_printed() {
        let token = RefreshToken::of([7; 32]);
        let written = serde_json::to_string(&token).unwrap();
        let read: RefreshToken = serde_json::from_str(&written).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_ne!(RefreshToken::of([8; 32]).hash(), token.hash());
        assert!(!format!("{token:?}").contains(written.trim_matches('"')));
    }
}
