//! Sealed values: secrets that can be in a file of settings and in git, where anyone may read them.
//!
//! A value is sealed with a public key and opened with the private key, which only config-server has. These are the words of
//! HPKE. Spring's protocol has others: it calls a sealed value a cipher, to seal is `encrypt`, and to open is `decrypt`.
//!
//! A sealed value is `{cipher}{key:NAME}BASE64`. NAME is the key that opens it. BASE64 is one message of HPKE (RFC 9180) in base
//! mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM: the encapsulated key (32 bytes), the ciphertext and its
//! tag (16 bytes). The name of the key is the associated data, so no value can be presented as one of another key.
//!
//! An [`OwnKey`] is something else: a process seals with it what only the process itself opens.

mod key;
mod own;
mod text;

use base64::engine::general_purpose::STANDARD as BASE64;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal,
};
use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroize;

pub use self::key::{KeyFileError, KeyName, KeyNameError, KeyTextError, OpeningKey, SealingKey};
pub use self::own::{OwnError, OwnKey, WeakPassword};
pub use self::text::{Sealed, SealedTextError};

/// It separates these messages from others for the same key.
const INFO: &[u8] = b"dalkom sealed setting v1";

/// The encapsulated key is an X25519 public key.
const ENCAPSULATED_KEY_BYTES: usize = 32;

type EncapsulatedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Why a value can't be sealed.
#[derive(Debug, Error)]
#[error("the public key `{key}` can't be used for sealing")]
pub struct SealError {
    key: KeyName,
    #[source]
    source: HpkeError,
}

/// Why a sealed value can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It was sealed for another key.
    #[error("it was sealed with the key `{sealed_with}` and not with `{opened_with}`")]
    OtherKey {
        /// The name in the sealed value.
        sealed_with: KeyName,
        /// The name of the key at hand.
        opened_with: KeyName,
    },
    /// It was altered, or sealed with another key of the same name.
    #[error("it was altered, or sealed with another key of the same name")]
    NotAuthentic(#[source] HpkeError),
    /// The value is not UTF-8.
    #[error("it does not hold text")]
    NotText,
}

impl SealingKey {
    /// Seals a value. Sealing the same value twice gives different results.
    pub fn seal(&self, value: &str) -> Result<Sealed, SealError> {
        let (encapsulated_key, ciphertext) = single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            self.public(),
            INFO,
            value.as_bytes(),
            self.name().as_str().as_bytes(),
        )
        .map_err(|source| SealError { key: self.name().clone(), source })?;
        let mut message = encapsulated_key.to_bytes().to_vec();
        message.extend_from_slice(&ciphertext);
        Ok(Sealed::new(self.name().clone(), message))
    }
}

impl OpeningKey {
    /// Opens a value that was sealed with this key's public half.
    pub fn open(&self, sealed: &Sealed) -> Result<SecretString, OpenError> {
        if sealed.key_name() != self.name() {
            return Err(OpenError::OtherKey {
                sealed_with: sealed.key_name().clone(),
                opened_with: self.name().clone(),
            });
        }
        let opened = self.open_message(sealed).map_err(OpenError::NotAuthentic)?;
        match String::from_utf8(opened) {
            Ok(value) => Ok(value.into()),
            Err(not_text) => {
                not_text.into_bytes().zeroize();
                Err(OpenError::NotText)
            }
        }
    }

    fn open_message(&self, sealed: &Sealed) -> Result<Vec<u8>, HpkeError> {
        let (encapsulated_key, ciphertext) =
            sealed.message().split_at_checked(ENCAPSULATED_KEY_BYTES).ok_or(HpkeError::OpenError)?;
        single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            self.private(),
            &EncapsulatedKey::from_bytes(encapsulated_key)?,
            INFO,
            ciphertext,
            self.name().as_str().as_bytes(),
        )
    }
}
