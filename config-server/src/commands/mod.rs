//! The commands. They need no settings and no running server.

mod check;
mod keys;

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use sealing::KeyName;
use thiserror::Error;

pub use check::CheckError;
pub use keys::KeyCommandError;

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
}

impl Command {
    /// Runs the command and returns the text to print. A value to seal is read from `input`.
    pub fn run(self, input: impl Read) -> Result<String, CommandError> {
        match self {
            Self::Keygen { name, out } => Ok(keys::keygen(name, &out)?),
            Self::Seal { key } => Ok(keys::seal(&key, input)?),
            Self::Check { directories } => Ok(check::check(directories)?),
        }
    }
}
