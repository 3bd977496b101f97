//! What a process seals for itself, and opens later: the key is made from a password that it has anyway.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal,
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use super::ENCAPSULATED_KEY_BYTES;

/// It separates these messages from others, also for the same key.
const INFO: &[u8] = b"dalkom own content v1";

/// The tag of AES-256-GCM.
const TAG_BYTES: usize = 16;

/// Whoever has a copy of what is sealed can try passwords as fast as machines allow. So a password that people choose is no key.
const PASSWORD_MIN_BYTES: usize = 16;

/// The key of a process for what it keeps: only who has the password can open it, and only who has the password can have sealed
/// it.
///
/// It is HPKE (RFC 9180) in auth mode with the algorithms of sealed values; the sender and the receiver are the same key pair, which
/// is derived from the password (`DeriveKeyPair`).
pub struct OwnKey {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: <X25519HkdfSha256 as Kem>::PublicKey,
}

/// The password is too short for a key.
#[derive(Debug, Error)]
#[error("the password has fewer than {PASSWORD_MIN_BYTES} bytes, which is too short for a key")]
pub struct WeakPassword;

/// Why content can't be sealed or opened.
#[derive(Debug, Error)]
pub enum OwnError {
    /// It can't be sealed.
    #[error("it can't be sealed")]
    Seal(#[source] HpkeError),
    /// It was altered, is about something else, or was sealed with another password.
    #[error("it was altered, or sealed with another password")]
    NotAuthentic(#[source] HpkeError),
}

/// Shows nothing of the key.
impl fmt::Debug for OwnKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnKey").finish_non_exhaustive()
    }
}

impl OwnKey {
    /// How much longer a sealed content is than the content.
    pub const OVERHEAD_BYTES: usize = ENCAPSULATED_KEY_BYTES + TAG_BYTES;

    /// The key of this password.
    pub fn from_password(password: &SecretString) -> Result<Self, WeakPassword> {
        let password = password.expose_secret().as_bytes();
        if password.len() < PASSWORD_MIN_BYTES {
            return Err(WeakPassword);
        }
        let (private, public) = X25519HkdfSha256::derive_keypair(password);
        Ok(Self { private, public })
    }

    /// Seals content. It can be opened only together with `about`, which is not secret.
    pub fn seal(&self, content: &[u8], about: &[u8]) -> Result<Vec<u8>, OwnError> {
        let sender = OpModeS::Auth((self.private.clone(), self.public.clone()));
        let (encapsulated_key, ciphertext) = single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &sender,
            &self.public,
            INFO,
            content,
            about,
        )
        .map_err(OwnError::Seal)?;
        let mut sealed = encapsulated_key.to_bytes().to_vec();
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens content that was sealed with this key, about the same.
    pub fn open(&self, sealed: &[u8], about: &[u8]) -> Result<Zeroizing<Vec<u8>>, OwnError> {
        let open = || {
            let (encapsulated_key, ciphertext) =
                sealed.split_at_checked(ENCAPSULATED_KEY_BYTES).ok_or(HpkeError::OpenError)?;
            single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
                &OpModeR::Auth(self.public.clone()),
                &self.private,
                &<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated_key)?,
                INFO,
                ciphertext,
                about,
            )
        };
        open().map(Zeroizing::new).map_err(OwnError::NotAuthentic)
    }
}
