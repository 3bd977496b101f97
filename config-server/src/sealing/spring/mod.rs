//! Spring's two formats of `{cipher}`. They are only opened, so that a Spring repository can be served unchanged; new values are
//! sealed in our own format.
//!
//! | file | owns |
//! |---|---|
//! | `settings` | the settings: a password, and a key store with RSA keys |
//! | `text` | the text after `{cipher}`: `{key:ALIAS}`, `{secret:…}`, `{plain}` |
//! | `symmetric` | AES-256 with a key that is derived from a password |
//! | `key_store` | RSA keys in a PKCS #12 file, and the values that are sealed with them |

mod key_store;
mod settings;
mod symmetric;
mod text;

use secrecy::SecretString;
use thiserror::Error;

pub use key_store::KeyStoreError;
pub use settings::{KeyStoreSettings, RsaAlgorithm, SpringSettings};

use key_store::KeyStore;
use symmetric::{Mode, PasswordKey};
use text::SpringText;

/// The keys that open what Spring has sealed.
#[derive(Debug, Default)]
pub struct SpringKeys {
    key_store: Option<KeyStore>,
    password: Option<PasswordKey>,
}

/// Why Spring's keys can't be used.
#[derive(Debug, Error)]
pub enum SpringKeyError {
    /// The salt is not hexadecimal.
    #[error("a salt is written in hexadecimal digits")]
    Salt(#[from] hex::FromHexError),
    /// The key store can't be used.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
}

/// No key of Spring opens a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("none of Spring's keys opens it")]
pub struct NotOpened;

impl SpringKeys {
    /// The keys that the settings name. The key store is read.
    pub fn read(settings: &SpringSettings) -> Result<Self, SpringKeyError> {
        let key_store = settings.key_store.as_ref().map(KeyStore::read).transpose()?;
        let salt = hex::decode(&settings.salt)?;
        let password =
            settings.key.as_ref().map(|password| PasswordKey::derive(password, &salt, Mode::CbcWithPadding));
        Ok(Self { key_store, password })
    }

    /// Whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.key_store.is_none() && self.password.is_none()
    }

    /// The public half of a key of the key store in PEM; of its own key if there is no alias.
    pub(crate) fn public_key_pem(&self, alias: Option<&str>) -> Option<String> {
        self.key_store.as_ref()?.public_key_pem(alias)
    }

    /// The aliases of the keys in the key store.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.key_store.iter().flat_map(KeyStore::aliases)
    }

    /// Whether there is a password for symmetric values.
    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Opens the text after `{cipher}`. Spring uses the key store if there is one, and the password otherwise. Here the key
    /// store is tried first and then the password, so that a repository can have both.
    pub(super) fn open(&self, text: &str) -> Result<SecretString, NotOpened> {
        let text = SpringText::parse(text);
        let by_key_store = self.key_store.as_ref().and_then(|key_store| key_store.open(&text));
        let by_password = || {
            let sealed = hex::decode(text.sealed).ok()?;
            self.password.as_ref()?.open(&sealed)
        };
        by_key_store.or_else(by_password).ok_or(NotOpened)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    /// The example of Spring's documentation: the key `foo`, the value `mysecret`.
    const DOCUMENTED: &str = "682bc583f4641835fa2db009355293665d2647dade3375c0ee201de2a49f7bda";

    fn with_password(password: &str) -> SpringKeys {
        let settings = SpringSettings { key: Some(password.to_owned().into()), ..SpringSettings::default() };
        SpringKeys::read(&settings).unwrap()
    }

    #[test]
    fn the_documented_value_is_opened_whatever_key_it_names() {
        let keys = with_password("foo");
        for text in [DOCUMENTED.to_owned(), format!("{{key:any}}{{secret:x}}{DOCUMENTED}")] {
            assert_eq!(keys.open(&text).unwrap().expose_secret(), "mysecret", "{text}");
        }
    }

    #[test]
    fn a_value_that_was_changed_or_cut_off_is_not_opened() {
        let keys = with_password("foo");
        for length in 0..DOCUMENTED.len() {
            assert!(keys.open(&DOCUMENTED[..length]).is_err(), "{length}");
        }
        for other in ["", "zz", "{key:any}", "{plain}", "가", &DOCUMENTED[2..]] {
            assert!(keys.open(other).is_err(), "{other}");
        }
        assert!(with_password("bar").open(DOCUMENTED).is_err());
        assert!(SpringKeys::default().open(DOCUMENTED).is_err());
    }

    #[test]
    fn a_salt_that_is_not_hexadecimal_is_refused() {
        let settings =
            SpringSettings { key: Some("foo".to_owned().into()), salt: "beef!".to_owned(), key_store: None };
        assert!(matches!(SpringKeys::read(&settings), Err(SpringKeyError::Salt(_))));
    }
}
