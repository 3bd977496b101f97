//! A copy of the last good settings on this machine, sealed, so that a process can start while its config server is away.
//!
//! | module | owns |
//! |---|---|
//! | `content` | what is in the file, and whose it is |
//! | `file` | the file: read as a whole, replaced at once |
//! | `keeper` | the one process that writes the file |
//! | `start` | a start with the snapshot, and when that is over |
//! | `error` | why it can't be used |
//!
//! The key is made from the password of the application at the config server ([`sealing::OwnKey`]). So the file is of use only
//! to who could ask the server, too. It protects against who reads the disk, a backup or a volume without that password, and
//! against who writes there: settings that somebody else has made are not used. It does not protect against who has the
//! password, and it can't know that an older file was put back.

mod content;
mod error;
mod file;
mod keeper;
mod start;

pub(crate) use content::{Owner, Snapshot};
pub use error::SnapshotError;
pub(crate) use file::SnapshotFile;
pub(crate) use keeper::Keeper;
pub use start::SnapshotUse;
pub(crate) use start::shown;
