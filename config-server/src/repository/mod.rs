//! The settings files: locations, snapshots of all files, and the sources of a request.
//!
//! ```text
//! directories ──► scan ──► snapshot ──► sources ──► environment
//!    location       file     all files     of a request
//!        git repository ──►
//! ```
//!
//! `store` keeps the last good snapshot of directories. `watch` scans again when a file changes. [`git`] does both for a git
//! repository. `files` is either of them.

mod fault;
mod file;
mod files;
pub mod git;
mod location;
mod scan;
mod snapshot;
mod sources;
mod state;
mod store;
mod watch;

pub use fault::{BrokenFile, BrokenFiles, RepositoryError};
pub(crate) use file::File;
pub use file::{FileError, ScanError};
pub use files::Files;
pub(crate) use files::View;
pub(crate) use sources::{Request, directories_of, sources};
pub(crate) use state::Changes;
pub use store::Repository;
pub use watch::watch;
