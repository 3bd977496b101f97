//! The commands for keys and sealed values. They need no settings and no running server.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sealing::{KeyFileError, KeyName, KeyTextError, OpeningKey, SealError, SealingKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// The commands of config-server.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key pair: writes the private key to a new file, and prints the public key.
    Keygen {
        /// The name of the key in the values that are sealed with it.
        #[arg(long, default_value = "dalkom")]
        name: KeyName,
        /// The new file for the private key. An existing file is never replaced.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Seal a value: reads it from standard input, and prints the text for a settings file.
    Seal {
        /// A file with the public key, as `keygen` prints it, or the file of the private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
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

impl Command {
    /// Runs the command and returns the text to print. A value to seal is read from `input`.
    pub fn run(self, input: impl Read) -> Result<String, CommandError> {
        match self {
            Self::Keygen { name, out } => keygen(name, &out),
            Self::Seal { key } => seal(&key, input),
        }
    }
}

fn keygen(name: KeyName, out: &Path) -> Result<String, CommandError> {
    let key = OpeningKey::generate(name);
    key.write_new(out)?;
    Ok(key.sealing_key().to_string())
}

fn seal(key: &Path, mut input: impl Read) -> Result<String, CommandError> {
    let key = read_sealing_key(key)?;
    let mut value = Zeroizing::new(String::new());
    input.read_to_string(&mut value).map_err(CommandError::Input)?;
    Ok(key.seal(without_line_end(&value))?.to_string())
}

fn read_sealing_key(path: &Path) -> Result<SealingKey, CommandError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| CommandError::KeyRead { path: path.to_owned(), source })?;
    match text.parse::<OpeningKey>() {
        Ok(private) => Ok(private.sealing_key()),
        Err(_) => text.parse().map_err(|source| CommandError::KeyText { path: path.to_owned(), source }),
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

    fn run(command: Command, input: &str) -> String {
        command.run(input.as_bytes()).unwrap()
    }

    #[test]
    fn a_new_key_seals_with_its_public_key_and_with_its_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("private.key");
        let public = folder.path().join("public.key");
        let name = "seoul-1".parse().unwrap();
        let printed = run(Command::Keygen { name, out: private.clone() }, "");
        fs::write(&public, printed).unwrap();

        for key in [public, private.clone()] {
            let sealed: Sealed = run(Command::Seal { key }, "hunter2\n").parse().unwrap();

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

        let error = Command::Seal { key: file.path().to_owned() }.run(io::empty()).unwrap_err();

        assert!(matches!(error, CommandError::KeyText { .. }), "{error}");
    }
}
