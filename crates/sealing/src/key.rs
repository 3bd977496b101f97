//! The keys: their names, their text forms, and the file of a private key.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use super::BASE64;

const PUBLIC_KEY_LABEL: &str = "dalkom-public-key";
const PRIVATE_KEY_LABEL: &str = "dalkom-private-key";
const KEY_NAME_MAX_CHARS: usize = 64;

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;

/// The name of a key in the values that it has sealed: 1 to 64 letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Why a text can't be the name of a key.
#[derive(Debug, Error)]
#[error("a key's name is 1 to {KEY_NAME_MAX_CHARS} letters, digits, `.`, `_` and `-`")]
pub struct KeyNameError;

/// The public half of a key pair, which seals values. Its text form is `dalkom-public-key NAME BASE64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingKey {
    name: KeyName,
    public: PublicKey,
}

/// The private half of a key pair, which opens sealed values. Its text form is `dalkom-private-key NAME BASE64`.
pub struct OpeningKey {
    name: KeyName,
    private: PrivateKey,
}

/// Why a text is not a key.
#[derive(Debug, Error)]
pub enum KeyTextError {
    /// It is not the three words.
    #[error("it must read `{expected} NAME BASE64`")]
    Form {
        /// The first word of such a key.
        expected: &'static str,
    },
    /// The second word can't be the name of a key.
    #[error("its name can't be one")]
    Name(#[source] KeyNameError),
    /// The third word is not 32 bytes in Base64.
    #[error("its last word must be 32 bytes in Base64")]
    Bytes,
}

/// Why the file of a private key can't be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("the private key can't be read from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It can't be written. An existing file is never replaced.
    #[error("the private key can't be written to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not contain a private key.
    #[error("{} does not hold a private key", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyTextError,
    },
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let fits = (1..=KEY_NAME_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyNameError) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SealingKey {
    /// The name of the key in the values that it seals.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Display for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PUBLIC_KEY_LABEL} {} {}", self.name, BASE64.encode(self.public.to_bytes()))
    }
}

impl FromStr for SealingKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (name, bytes) = read_words(PUBLIC_KEY_LABEL, text)?;
        let public = PublicKey::from_bytes(&bytes).map_err(|_| KeyTextError::Bytes)?;
        Ok(Self { name, public })
    }
}

impl OpeningKey {
    /// Makes a new key pair with the system's random numbers.
    pub fn generate(name: KeyName) -> Self {
        let (private, _) = X25519HkdfSha256::gen_keypair();
        Self { name, private }
    }

    /// The name of the key in the values that it opens.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The public half.
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey { name: self.name.clone(), public: X25519HkdfSha256::sk_to_pk(&self.private) }
    }

    /// The text form. Whoever has it can open every value that was sealed with this key.
    pub fn to_text(&self) -> SecretString {
        let bytes = Zeroizing::new(self.private.to_bytes().to_vec());
        let encoded = Zeroizing::new(BASE64.encode(&*bytes));
        format!("{PRIVATE_KEY_LABEL} {} {}", self.name, *encoded).into()
    }

    /// Reads a private key from a file.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| KeyFileError::Read { path: path.to_owned(), source })?;
        text.parse().map_err(|source| KeyFileError::Content { path: path.to_owned(), source })
    }

    /// Writes the private key to a new file that only its owner may read. It never replaces a file: without the old key, the
    /// values that were sealed with it could not be opened any more.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        let text = self.to_text();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| writeln!(file, "{}", text.expose_secret()))
            .map_err(|source| KeyFileError::Write { path: path.to_owned(), source })
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.private
    }
}

impl FromStr for OpeningKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (name, bytes) = read_words(PRIVATE_KEY_LABEL, text)?;
        let private = PrivateKey::from_bytes(&bytes).map_err(|_| KeyTextError::Bytes)?;
        Ok(Self { name, private })
    }
}

/// Shows only the name.
impl fmt::Debug for OpeningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpeningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read_words(label: &'static str, text: &str) -> Result<(KeyName, Zeroizing<Vec<u8>>), KeyTextError> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [first, name, encoded] = words[..] else {
        return Err(KeyTextError::Form { expected: label });
    };
    if first != label {
        return Err(KeyTextError::Form { expected: label });
    }
    let bytes = BASE64.decode(encoded).map(Zeroizing::new).map_err(|_| KeyTextError::Bytes)?;
    Ok((name.parse().map_err(KeyTextError::Name)?, bytes))
}
