use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use secrecy::{ExposeSecret, SecretString};

/// An Ed25519 key that signs tokens.
pub struct SigningKey {
    pub(crate) encoding: EncodingKey,
    public: Vec<u8>,
    id: String,
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not in base64.
    #[error("it is not in base64")]
    Base64(#[source] base64::DecodeError),
    /// It is not an Ed25519 key.
    #[error("it is not an Ed25519 key: {0}")]
    NotEd25519(&'static str),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new key and gives its PKCS #8 in base64, which is to be kept as a sealed setting.
    pub fn generate() -> Result<SecretString, KeyError> {
        let failed = |_| KeyError::NotEd25519("the system has no random numbers");
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
        Ok(STANDARD.encode(pkcs8.as_ref()).into())
    }

    /// Reads a key that [`generate`](Self::generate) gave.
    pub fn from_base64(secret: &SecretString) -> Result<Self, KeyError> {
        let pkcs8 = STANDARD.decode(secret.expose_secret().trim()).map_err(KeyError::Base64)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8)
            .map_err(|_| KeyError::NotEd25519("it is not the PKCS #8 of one"))?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { id: thumbprint(&public), encoding: EncodingKey::from_ed_der(&pkcs8), public })
    }

    /// The id by which tokens name the key: its thumbprint (RFC 7638, RFC 8037).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, in the form of a setting.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(&self.public)
    }

    /// The public half, in the form of a JWK.
    pub(crate) fn public_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.public)
    }
}

/// RFC 7638: SHA-256 over the required members of the key's JWK, in alphabetical order.
fn thumbprint(public: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_the_rfcs_example() {
        // RFC 8037, appendix A.3.
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(thumbprint(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_is_read_as_it_was_made_and_is_not_printed() {
        let secret = SigningKey::generate().unwrap();
        let key = SigningKey::from_base64(&secret).unwrap();
        assert_eq!(key.id(), SigningKey::from_base64(&secret).unwrap().id());
        assert!(!format!("{key:?}").contains(&secret.expose_secret()[..20]));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for wrong in ["", "%%", "AAAA", &STANDARD.encode([7; 48])] {
            assert!(SigningKey::from_base64(&wrong.to_owned().into()).is_err(), "{wrong}");
        }
    }
}
