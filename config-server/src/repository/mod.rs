//! The settings files: locations, snapshots of all files, and the sources of a request.
//!
//! ```text
//! directories ──► scan ──► snapshot ──► sources ──► environment
//!    location       file     all files     of a request
//! ```
//!
//! `store` keeps the last good snapshot. `watch` scans again when a file changes.

mod file;
mod location;
mod scan;
mod snapshot;
mod sources;
mod store;
mod watch;

pub(crate) use file::File;
pub use file::{FileError, ScanError};
pub(crate) use sources::{Request, directories_of, sources};
pub(crate) use store::Changes;
pub use store::{BrokenFile, BrokenFiles, Repository, RepositoryError};
pub use watch::watch;
