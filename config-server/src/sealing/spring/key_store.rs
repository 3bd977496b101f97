//! RSA keys in a PKCS #12 file, and the values that are sealed with them.
//!
//! Such a value is Base64. It begins with the length of an RSA message, in two bytes, and the message. The message is a random
//! secret. Its hexadecimal digits are the password of what follows, which is sealed as symmetric values are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fmt, fs};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore as Pkcs12, KeyStoreEntry, Pkcs12ImportPolicy};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use super::settings::{KeyStoreSettings, RsaAlgorithm};
use super::symmetric::{Mode, PasswordKey};
use super::text::SpringText;

/// Why a key store can't be used.
#[derive(Debug, Error)]
pub enum KeyStoreError {
    /// The file can't be read.
    #[error("the key store {} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It is not PKCS #12, or the password is wrong.
    #[error("the key store {} is not a PKCS #12 file, or its password is another one", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: p12_keystore::error::Error,
    },
    /// It has no key with this alias.
    #[error("the key store {} has no RSA key `{alias}` of 2,048 to 8,192 bits", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The alias.
        alias: String,
    },
    /// No alias is set, and there is not exactly one key.
    #[error("the key store {} has {keys} RSA keys of 2,048 to 8,192 bits: set `alias`", path.display())]
    WhichKey {
        /// The file.
        path: PathBuf,
        /// How many keys it has.
        keys: usize,
    },
    /// The salt is not hexadecimal.
    #[error("the salt of the key store is not written in hexadecimal digits")]
    Salt(#[from] hex::FromHexError),
}

/// How long a line of PEM is.
const PEM_LINE_CHARS: usize = 64;

/// The RSA keys of a file.
pub(super) struct KeyStore {
    keys: BTreeMap<String, RsaKey>,
    alias: String,
    salt: Vec<u8>,
    mode: Mode,
}

struct RsaKey {
    private: PrivateKey,
    /// The public half, as X.509 has it.
    public: Vec<u8>,
}

enum PrivateKey {
    Pkcs1(Pkcs1PrivateDecryptingKey),
    Oaep(OaepPrivateDecryptingKey),
}

impl KeyStore {
    pub(super) fn read(settings: &KeyStoreSettings) -> Result<Self, KeyStoreError> {
        let path = || settings.path.clone();
        let content = fs::read(&settings.path)
            .map(Zeroizing::new)
            .map_err(|source| KeyStoreError::Read { path: path(), source })?;
        let password = settings.password.expose_secret();
        let store = Pkcs12::from_pkcs12(&content, password, Pkcs12ImportPolicy::Relaxed)
            .map_err(|source| KeyStoreError::Open { path: path(), source })?;
        let keys: BTreeMap<String, RsaKey> = store
            .entries()
            .filter_map(|(alias, entry)| match entry {
                KeyStoreEntry::PrivateKeyChain(chain) => {
                    Some((alias.clone(), RsaKey::from_pkcs8(chain.key().as_der(), settings.algorithm)?))
                }
                _ => None,
            })
            .collect();
        let alias = match &settings.alias {
            Some(alias) if keys.contains_key(alias) => alias.clone(),
            Some(alias) => return Err(KeyStoreError::NoKey { path: path(), alias: alias.clone() }),
            None => match keys.keys().next() {
                Some(alias) if keys.len() == 1 => alias.clone(),
                _ => return Err(KeyStoreError::WhichKey { path: path(), keys: keys.len() }),
            },
        };
        let mode = if settings.strong { Mode::Gcm } else { Mode::CbcWithPadding };
        Ok(Self { keys, alias, salt: hex::decode(&settings.salt)?, mode })
    }

    /// The public half of the key with this alias in PEM; of the key of values that name none if there is no alias.
    pub(super) fn public_key_pem(&self, alias: Option<&str>) -> Option<String> {
        let key = self.keys.get(alias.unwrap_or(&self.alias))?;
        let encoded = STANDARD.encode(&key.public);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for start in (0..encoded.len()).step_by(PEM_LINE_CHARS) {
            pem.push_str(&encoded[start..encoded.len().min(start + PEM_LINE_CHARS)]);
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----");
        Some(pem)
    }

    /// The aliases of the keys.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The value, or `None` if no key has sealed it.
    pub(super) fn open(&self, text: &SpringText<'_>) -> Option<SecretString> {
        let key = self.keys.get(text.alias.unwrap_or(&self.alias))?;
        let message = STANDARD.decode(text.sealed).ok()?;
        let (length, message) = message.split_first_chunk()?;
        let (sealed_secret, sealed) = message.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let secret = key.open(sealed_secret)?;
        let password = SecretString::from(hex::encode(secret.as_slice()));
        PasswordKey::derive(&password, &self.salt, self.mode).open(sealed)
    }
}

impl RsaKey {
    /// `None` if it is not an RSA key, or one that is too short or too long.
    fn from_pkcs8(der: &[u8], algorithm: RsaAlgorithm) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(der).ok()?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(&key.public_key()).ok()?.as_ref().to_vec();
        let private = match algorithm {
            RsaAlgorithm::Default => PrivateKey::Pkcs1(Pkcs1PrivateDecryptingKey::new(key).ok()?),
            RsaAlgorithm::Oaep => PrivateKey::Oaep(OaepPrivateDecryptingKey::new(key).ok()?),
        };
        Some(Self { private, public })
    }

    fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = match &self.private {
            PrivateKey::Pkcs1(key) => key.min_output_size(),
            PrivateKey::Oaep(key) => key.min_output_size(),
        };
        let mut opened = Zeroizing::new(vec![0; bytes]);
        let length = match &self.private {
            PrivateKey::Pkcs1(key) => key.decrypt(sealed, &mut opened).ok()?.len(),
            PrivateKey::Oaep(key) => key.decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut opened, None).ok()?.len(),
        };
        opened.truncate(length);
        Some(opened)
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aliases: Vec<&String> = self.keys.keys().collect();
        f.debug_struct("KeyStore")
            .field("aliases", &aliases)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
