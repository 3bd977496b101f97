//! The text form of a sealed value.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use thiserror::Error;

use super::{BASE64, KeyName, KeyNameError};

/// The prefix of a sealed value, which is Spring's.
const MARK: &str = "{cipher}";

/// A sealed value. It is not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    key_name: KeyName,
    message: Vec<u8>,
}

/// Why a text is not a sealed value.
#[derive(Debug, Error)]
pub enum SealedTextError {
    /// It does not start with `{cipher}`.
    #[error("it does not start with {MARK}")]
    Unmarked,
    /// No `{key:NAME}` follows.
    #[error("{{key:NAME}} is missing after {MARK}")]
    NoKeyName,
    /// It does not name a key.
    #[error("the name of its key can't be one")]
    KeyName(#[source] KeyNameError),
    /// What follows is not Base64.
    #[error("it is not written in Base64")]
    Base64(#[source] base64::DecodeError),
}

impl Sealed {
    pub(super) fn new(key_name: KeyName, message: Vec<u8>) -> Self {
        Self { key_name, message }
    }

    /// Whether a text claims to be a sealed value. Blanks before the mark count for nothing: whoever wrote them did not mean
    /// the sealed value to be the value.
    pub fn is_marked(text: &str) -> bool {
        text.trim_start().starts_with(MARK)
    }

    /// Reads the text form without `{cipher}`.
    pub fn from_unmarked(text: &str) -> Result<Self, SealedTextError> {
        let (key_name, message) = text
            .strip_prefix("{key:")
            .and_then(|named| named.split_once('}'))
            .ok_or(SealedTextError::NoKeyName)?;
        Ok(Self {
            key_name: key_name.parse().map_err(SealedTextError::KeyName)?,
            message: BASE64.decode(message.trim()).map_err(SealedTextError::Base64)?,
        })
    }

    /// The text behind `{cipher}`; a text without it as it is.
    pub fn without_mark(text: &str) -> &str {
        text.trim_start().strip_prefix(MARK).unwrap_or(text)
    }

    /// The name of the key that opens it.
    pub fn key_name(&self) -> &KeyName {
        &self.key_name
    }

    /// The text form without `{cipher}`, which is the answer of Spring's `/encrypt`.
    pub fn unmarked(&self) -> String {
        format!("{{key:{}}}{}", self.key_name, BASE64.encode(&self.message))
    }

    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{MARK}{}", self.unmarked())
    }
}

impl FromStr for Sealed {
    type Err = SealedTextError;

    fn from_str(text: &str) -> Result<Self, SealedTextError> {
        Self::from_unmarked(text.trim_start().strip_prefix(MARK).ok_or(SealedTextError::Unmarked)?)
    }
}
