//! The commands for keys and sealed values.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealing::{KeyFileError, KeyName, KeyTextError, OpeningKey, SealError, SealingKey};
use thiserror::Error;
use zeroize::Zeroizing;

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
    /// The value can't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

pub(super) fn keygen(name: KeyName, out: &Path) -> Result<String, KeyCommandError> {
    let key = OpeningKey::generate(name);
    key.write_new(out)?;
    Ok(key.sealing_key().to_string())
}

pub(super) fn seal(key: &Path, mut input: impl Read) -> Result<String, KeyCommandError> {
    let key = read_sealing_key(key)?;
    let mut value = Zeroizing::new(String::new());
    input.read_to_string(&mut value).map_err(KeyCommandError::Input)?;
    Ok(key.seal(without_line_end(&value))?.to_string())
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

/// Removes the line end that `echo` and the Enter key add to a value.
fn without_line_end(value: &str) -> &str {
    let value = value.strip_suffix('\n').unwrap_or(value);
    value.strip_suffix('\r').unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use sealing::Sealed;
    use secrecy::ExposeSecret as _;

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
    fn only_one_line_end_is_removed() {
        assert_eq!(without_line_end("a\n"), "a");
        assert_eq!(without_line_end("a\r\n"), "a");
        assert_eq!(without_line_end("a\n\n"), "a\n");
        assert_eq!(without_line_end(" a "), " a ");
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hello").unwrap();

        let error = seal(file.path(), io::empty()).unwrap_err();

        assert!(matches!(error, KeyCommandError::KeyText { .. }), "{error}");
    }
}
