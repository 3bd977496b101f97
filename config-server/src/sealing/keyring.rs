//! The private keys of the server. Each of them opens the values that were sealed with it; the first one also seals. Spring's
//! keys open what a Spring server has sealed.

use std::path::PathBuf;

use sealing::{KeyFileError, KeyName, OpenError, OpeningKey, Sealed, SealedTextError, SealingKey};
use secrecy::SecretString;
use thiserror::Error;

use super::opened::Opened;
use super::spring::{NotOpened, SpringKeys};

/// Keys with different names. A new key is put first. An old key stays as long as there are values that were sealed with
/// it.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<OpeningKey>,
    spring: SpringKeys,
    opened: Opened,
}

/// Why a keyring can't be made.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// A key file can't be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Two keys have the same name.
    #[error("two keys have the name `{0}`")]
    SameName(KeyName),
}

/// Why a sealed value can't be opened.
#[derive(Debug, Error)]
pub enum OpenTextError {
    /// The text is not a sealed value.
    #[error("it is not a well-formed sealed value")]
    Text(#[from] SealedTextError),
    /// The key is not in the keyring.
    #[error("the keyring has no key `{0}`")]
    NoSuchKey(KeyName),
    /// The key does not open it.
    #[error("its key does not open it")]
    Open(#[from] OpenError),
    /// Spring's keys do not open it.
    #[error(transparent)]
    Spring(#[from] NotOpened),
}

impl Keyring {
    /// Makes a keyring. The first key seals.
    pub fn new(keys: Vec<OpeningKey>) -> Result<Self, KeyringError> {
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.name() == key.name()) {
                return Err(KeyringError::SameName(key.name().clone()));
            }
        }
        Ok(Self { keys, ..Self::default() })
    }

    /// Reads keys from their files.
    pub fn read(files: &[PathBuf]) -> Result<Self, KeyringError> {
        Self::new(files.iter().map(|file| OpeningKey::read(file)).collect::<Result<_, _>>()?)
    }

    /// The same keyring, with the keys of a Spring server.
    #[must_use]
    pub fn with_spring(self, spring: SpringKeys) -> Self {
        Self { spring, opened: Opened::default(), ..self }
    }

    /// The same as [`Keyring::open`], and keeps the opened value for the next time: for values in files, which are read again and
    /// again.
    pub(crate) fn open_and_keep(&self, text: &str) -> Result<SecretString, OpenTextError> {
        self.opened.get_or_open(text, || self.open(text))
    }

    /// Opens a sealed value that is given as text. A value that names one of our keys is ours. All others are Spring's, if there
    /// are keys of Spring.
    /// `{cipher}` may stand before it.
    pub(crate) fn open(&self, text: &str) -> Result<SecretString, OpenTextError> {
        let sealed = Sealed::from_unmarked(Sealed::without_mark(text));
        let key = sealed.as_ref().ok().and_then(|sealed| self.key(sealed.key_name()));
        match (sealed, key) {
            (Ok(sealed), Some(key)) => Ok(key.open(&sealed)?),
            _ if !self.spring.is_empty() => Ok(self.spring.open(Sealed::without_mark(text))?),
            (Ok(sealed), None) => Err(OpenTextError::NoSuchKey(sealed.key_name().clone())),
            (Err(error), _) => Err(error.into()),
        }
    }

    fn key(&self, name: &KeyName) -> Option<&OpeningKey> {
        self.keys.iter().find(|key| key.name() == name)
    }

    /// The public half of the key with this name, or of the key that seals if there is no name.
    pub(crate) fn sealing_key(&self, name: Option<&str>) -> Option<SealingKey> {
        match name {
            Some(name) => self.sealing_keys().find(|key| key.name().as_str() == name),
            None => self.sealing_keys().next(),
        }
    }

    /// The public halves of our keys. The first one seals.
    pub(crate) fn sealing_keys(&self) -> impl Iterator<Item = SealingKey> {
        self.keys.iter().map(OpeningKey::sealing_key)
    }

    /// Whether one of our keys has this name.
    pub(crate) fn has(&self, name: &KeyName) -> bool {
        self.key(name).is_some()
    }

    /// Spring's keys.
    pub(crate) fn spring(&self) -> &SpringKeys {
        &self.spring
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn key(name: &str) -> OpeningKey {
        OpeningKey::generate(name.parse().unwrap())
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let old = key("old");
        let sealed_before = old.sealing_key().seal("before").unwrap().to_string();
        let keyring = Keyring::new(vec![key("new"), old]).unwrap();

        let sealed = keyring.sealing_key(None).unwrap().seal("after").unwrap();

        assert_eq!(sealed.key_name().as_str(), "new");
        assert_eq!(keyring.open(&sealed.to_string()).unwrap().expose_secret(), "after");
        assert_eq!(keyring.open(&sealed_before).unwrap().expose_secret(), "before");
    }

    #[test]
    fn a_value_of_an_unknown_key_has_its_own_error() {
        let sealed = key("gone").sealing_key().seal("x").unwrap().to_string();

        let error = Keyring::new(vec![key("here")]).unwrap().open(&sealed).unwrap_err();

        assert_eq!(error.to_string(), "the keyring has no key `gone`");
    }

    #[test]
    fn two_keys_of_one_name_are_refused() {
        assert!(matches!(Keyring::new(vec![key("a"), key("b"), key("a")]), Err(KeyringError::SameName(_))));
    }
}
