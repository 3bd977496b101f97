//! The commands. They need no settings and no running server.

mod check;
mod input;
mod keyring;
mod keys;
mod reseal;

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use sealing::KeyName;
use thiserror::Error;

pub use check::CheckError;
pub use keyring::{Keys, KeysError};
pub use keys::KeyCommandError;
pub use reseal::ResealError;

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
    /// Open a sealed value: reads it from standard input, and prints the secret.
    Open {
        /// The keys that may open it.
        #[command(flatten)]
        keys: Keys,
    },
    /// List keys by their public halves.
    Keys {
        /// The keys.
        #[command(flatten)]
        keys: Keys,
    },
    /// Seal the values of a folder again, with the first `--key`. Comments and the order of a file stay as they are. A file is
    /// replaced at once or not at all. Fails if there is a value that can't be opened; all others are sealed even so.
    Reseal {
        /// The directories, as the server gets them.
        #[arg(required = true, value_name = "DIR")]
        directories: Vec<PathBuf>,
        /// The new key, and the keys that the values are sealed with.
        #[command(flatten)]
        keys: Keys,
        /// Only show what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check settings files before they are served. Fails if one can't be used, and warns of values that are not the text
    /// that they look like: `yes`, `0755`, `1:30`, `1e3`.
    Check {
        /// The directories, as the server gets them.
        #[arg(required = true, value_name = "DIR")]
        directories: Vec<PathBuf>,
    },
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A command for keys failed.
    #[error(transparent)]
    Keys(#[from] KeyCommandError),
    /// Settings files can't be used.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// Values could not be sealed again.
    #[error(transparent)]
    Reseal(#[from] ResealError),
}

impl Command {
    /// Runs the command and returns the text to print. A value to seal or to open is read from `input`.
    pub fn run(self, input: impl Read) -> Result<String, CommandError> {
        match self {
            Self::Keygen { name, out } => Ok(keys::keygen(name, &out)?),
            Self::Seal { key } => Ok(keys::seal(&key, input)?),
            Self::Open { keys } => Ok(keys::open(&keys, input)?),
            Self::Keys { keys } => Ok(keys::list(&keys)?),
            Self::Reseal { directories, keys, dry_run } => Ok(reseal::reseal(directories, &keys, dry_run)?),
            Self::Check { directories } => Ok(check::check(directories)?),
        }
    }
}
