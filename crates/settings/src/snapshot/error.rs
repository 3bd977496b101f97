//! Why a snapshot can't be used or written.

use std::io;
use std::path::PathBuf;

use sealing::{OwnError, WeakPassword};
use thiserror::Error;

/// Why a snapshot can't be used or written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The password can't be made into a key.
    #[error("the password of config-server can't seal a snapshot")]
    Password(#[from] WeakPassword),
    /// The file can't be read or written.
    #[error("{} {}", doing, path.display())]
    File {
        /// What failed.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is a folder, a pipe or a device.
    #[error("{} is no regular file", .0.display())]
    NoFile(PathBuf),
    /// It is larger than any settings.
    #[error("{} is too large for a snapshot of settings", .0.display())]
    TooLarge(PathBuf),
    /// It is something else.
    #[error("{} is no snapshot of settings", .0.display())]
    Unknown(PathBuf),
    /// It is that of another application, or of other profiles or another label.
    #[error("{} is the snapshot of {owner}, and not of {wanted}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Its end is missing, or something follows its end.
    #[error("{} is truncated, or something follows its end", .0.display())]
    Truncated(PathBuf),
    /// It can't be opened.
    #[error("{} can't be opened", path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: OwnError,
    },
    /// It was opened, and its content is that of another version of this program.
    #[error("{} has a content that this program does not know", .0.display())]
    Content(PathBuf),
    /// Another process writes it.
    #[error("{} is kept by another process", .0.display())]
    InUse(PathBuf),
}
