//! A copy of the last good settings on this machine, sealed, so that a process can start while its config server is away.
//!
//! | module | owns |
//! |---|---|
//! | `content` | what is in the file, and whose it is |
//! | `file` | the file: read as a whole, replaced at once |
//! | `keeper` | the one process that writes the file |
//!
//! The key is made from the password of the application at the config server ([`sealing::OwnKey`]). So the file is of use only
//! to who could ask the server, too. It protects against who reads the disk, a backup or a volume without that password, and
//! against who writes there: settings that somebody else has made are not used. It does not protect against who has the
//! password, and it can't know that an older file was put back.

mod content;
mod file;
mod keeper;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sealing::{OwnError, WeakPassword};
use serde::{Serialize, Serializer};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

pub(crate) use content::{Owner, Snapshot};
pub(crate) use file::SnapshotFile;
pub(crate) use keeper::Keeper;

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

/// A start with the settings of a snapshot. It is over when the config server has said that they are the current ones, or others
/// have taken effect.
#[derive(Clone, Debug)]
pub struct SnapshotUse {
    received: OffsetDateTime,
    is_over: Arc<watch::Sender<bool>>,
}

impl SnapshotUse {
    pub(crate) fn begin(received: OffsetDateTime) -> Self {
        Self { received, is_over: Arc::new(watch::Sender::new(false)) }
    }

    pub(crate) fn end(&self) {
        self.is_over.send_replace(true);
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    /// Waits until it is over.
    pub async fn over(&self) {
        // The sender lives as long as this.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

/// As `{"received": "2026-11-29T04:00:00Z"}`.
impl Serialize for SnapshotUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            received: String,
        }
        Shown { received: shown(self.received) }.serialize(serializer)
    }
}

/// A time in whole seconds, as people and programs read it.
pub(crate) fn shown(time: OffsetDateTime) -> String {
    let seconds = time.replace_nanosecond(0).unwrap_or(time);
    seconds.format(&Rfc3339).unwrap_or_default()
}
