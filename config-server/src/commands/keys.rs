//! The commands for keys and sealed values.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealing::{KeyFileError, KeyName, KeyTextError, OpeningKey, SealError, Sealed, SealingKey};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::input::without_line_end;
use super::keyring::{Keys, KeysError};
use crate::sealing::OpenTextError;

/// Why a command for keys failed.
#[derive(Debug, Error)]
pub enum KeyCommandError {
    /// The private key could not be written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key file can't be read.
    #[error("the key can't be read from {}", path.display())]
    KeyRead {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file contains no key.
    #[error("{} contains neither a public nor a private key", path.display())]
    KeyText {
        /// The file.
        path: PathBuf,
        /// Why it is not a public key.
        #[source]
        source: KeyTextError,
    },
    /// The value can't be read.
    #[error("the value on standard input can't be read as UTF-8 text")]
    Input(#[source] io::Error),
    /// There is no value.
    #[error("there is no value on standard input")]
    Empty,
    /// The value is sealed already.
    #[error("the value on standard input is sealed already")]
    SealedAlready,
    /// The value can't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The value can't be opened.
    #[error("the value on standard input can't be opened")]
    Open(#[from] OpenTextError),
    /// No key was named.
    #[error("no key is named: see --help")]
    NoKeys,
}

pub(super) fn keygen(name: KeyName, out: &Path) -> Result<String, KeyCommandError> {
    let key = OpeningKey::generate(name);
    key.write_new(out)?;
    Ok(key.sealing_key().to_string())
}

pub(super) fn seal(key: &Path, input: impl Read) -> Result<String, KeyCommandError> {
    let key = read_sealing_key(key)?;
    let value = read_value(input)?;
    if Sealed::is_marked(&value) {
        return Err(KeyCommandError::SealedAlready);
    }
    Ok(key.seal(&value)?.to_string())
}

/// Opens a sealed value. The text to print is the secret.
pub(super) fn open(keys: &Keys, input: impl Read) -> Result<String, KeyCommandError> {
    let keyring = keys.read()?;
    let value = read_value(input)?;
    Ok(keyring.open(value.trim())?.expose_secret().to_owned())
}

/// Lists keys by their public halves, as `seal` reads them.
pub(super) fn list(keys: &Keys) -> Result<String, KeyCommandError> {
    let keyring = keys.read()?;
    let own = keyring.sealing_keys().enumerate();
    let own = own.map(|(index, key)| if index == 0 { format!("{key}  (it seals)") } else { key.to_string() });
    let aliases = keyring.spring().aliases().map(|alias| format!("spring key-store {alias}"));
    let password = keyring.spring().has_password().then(|| "spring key".to_owned());
    let lines: Vec<String> = own.chain(aliases).chain(password).collect();
    if lines.is_empty() { Err(KeyCommandError::NoKeys) } else { Ok(lines.join("\n")) }
}

/// The value on standard input, without the line end that `echo` and the Enter key add.
fn read_value(mut input: impl Read) -> Result<Zeroizing<String>, KeyCommandError> {
    let mut value = Zeroizing::new(String::new());
    input.read_to_string(&mut value).map_err(KeyCommandError::Input)?;
    let value = without_line_end(&value);
    if value.is_empty() { Err(KeyCommandError::Empty) } else { Ok(Zeroizing::new(value.to_owned())) }
}

fn read_sealing_key(path: &Path) -> Result<SealingKey, KeyCommandError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyCommandError::KeyRead { path: path.to_owned(), source })?;
    match text.parse::<OpeningKey>() {
        Ok(private) => Ok(private.sealing_key()),
        Err(_) => text.parse().map_err(|source| KeyCommandError::KeyText { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_seals_with_its_public_key_and_with_its_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private.key");
        let public = folder.path().join("public.key");
        let name = "seoul-1".parse().unwrap();
        let printed = keygen(name, &private).unwrap();
        fs::write(&public, printed).unwrap();

        for key in [public, private.clone()] {
            let sealed: Sealed = seal(&key, "hunter2\n".as_bytes()).unwrap().parse().unwrap();

            assert_eq!(sealed.key_name().as_str(), "seoul-1");
            let opened = OpeningKey::read(&private).unwrap().open(&sealed).unwrap();
            assert_eq!(opened.expose_secret(), "hunter2");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hello").unwrap();

        let error = seal(file.path(), io::empty()).unwrap_err();

        assert!(matches!(error, KeyCommandError::KeyText { .. }), "{error}");
    }

    #[test]
    fn nothing_and_what_is_sealed_already_are_not_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private.key");
        keygen("k".parse().unwrap(), &private).unwrap();

        for input in ["", "\n", "\r\n"] {
            assert!(matches!(seal(&private, input.as_bytes()), Err(KeyCommandError::Empty)), "{input:?}");
        }
        let sealed = seal(&private, "x".as_bytes()).unwrap();
        let again = seal(&private, format!(" {sealed}").as_bytes());
        assert!(matches!(again, Err(KeyCommandError::SealedAlready)));
    }
}
