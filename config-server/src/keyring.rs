//! The private keys of the server: opens what was sealed with any of them, seals with the first.

use std::path::PathBuf;

use sealing::{KeyFileError, KeyName, SealError, Sealed, SealedTextError, UnsealError, UnsealingKey};
use secrecy::SecretString;
use thiserror::Error;

/// Any number of keys with different names. A new key goes first and old ones stay behind it for as long as
/// values are sealed with them.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<UnsealingKey>,
}

/// Why there is no keyring.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// A file can't be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Two keys have one name.
    #[error("two keys are called `{0}`")]
    SameName(KeyName),
}

/// Why a sealed value can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is not written as a sealed value is.
    #[error("it is not a well-formed sealed value")]
    Text(#[from] SealedTextError),
    /// Its key is not here.
    #[error("there is no key `{0}` here")]
    NoSuchKey(KeyName),
    /// Its key does not open it.
    #[error("its key does not open it")]
    Unseal(#[from] UnsealError),
}

impl Keyring {
    /// Puts keys on a ring; the first one seals.
    pub fn new(keys: Vec<UnsealingKey>) -> Result<Self, KeyringError> {
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.name() == key.name()) {
                return Err(KeyringError::SameName(key.name().clone()));
            }
        }
        Ok(Self { keys })
    }

    /// Reads each key from its file.
    pub fn read(files: &[PathBuf]) -> Result<Self, KeyringError> {
        Self::new(files.iter().map(|file| UnsealingKey::read(file)).collect::<Result<_, _>>()?)
    }

    /// Opens a sealed value in its written form.
    pub(crate) fn open(&self, text: &str) -> Result<SecretString, OpenError> {
        let sealed: Sealed = text.parse()?;
        let key = self
            .keys
            .iter()
            .find(|key| key.name() == sealed.key_name())
            .ok_or_else(|| OpenError::NoSuchKey(sealed.key_name().clone()))?;
        Ok(key.unseal(&sealed)?)
    }

    /// Whether there is a key to seal with.
    pub(crate) fn can_seal(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals with the first key; `None` where there is none.
    pub(crate) fn seal(&self, value: &str) -> Option<Result<Sealed, SealError>> {
        self.keys.first().map(|key| key.sealing_key().seal(value))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn key(name: &str) -> UnsealingKey {
        UnsealingKey::generate(name.parse().unwrap())
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let old = key("old");
        let sealed_before = old.sealing_key().seal("before").unwrap().to_string();
        let keyring = Keyring::new(vec![key("new"), old]).unwrap();

        let sealed = keyring.seal("after").unwrap().unwrap();

        assert_eq!(sealed.key_name().as_str(), "new");
        assert_eq!(keyring.open(&sealed.to_string()).unwrap().expose_secret(), "after");
        assert_eq!(keyring.open(&sealed_before).unwrap().expose_secret(), "before");
    }

    #[test]
    fn a_value_of_a_key_that_is_not_here_is_told_apart() {
        let sealed = key("gone").sealing_key().seal("x").unwrap().to_string();

        let error = Keyring::new(vec![key("here")]).unwrap().open(&sealed).unwrap_err();

        assert_eq!(error.to_string(), "there is no key `gone` here");
    }

    #[test]
    fn two_keys_of_one_name_are_refused() {
        assert!(matches!(Keyring::new(vec![key("a"), key("b"), key("a")]), Err(KeyringError::SameName(_))));
    }
}
