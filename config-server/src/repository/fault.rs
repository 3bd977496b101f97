//! Why settings files are not served.

use std::fmt;

use thiserror::Error;

use super::file::{FileError, ScanError};
use super::snapshot::Snapshot;

/// Why the files can't be served.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// The files were not read yet.
    #[error("the files were not read yet")]
    NotRead,
    /// The directories can't be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The git repository can't be read.
    #[error("{0}")]
    Git(String),
    /// Files are broken.
    #[error("{0}")]
    Broken(BrokenFiles),
}

/// Files that can't be used, each with the reason.
#[derive(Debug)]
pub struct BrokenFiles(pub Vec<BrokenFile>);

/// A file that can't be used.
#[derive(Debug, Error)]
#[error("the file {path} can't be used: {reason}")]
pub struct BrokenFile {
    /// The file.
    pub path: String,
    /// What is wrong, with the whole chain of causes.
    pub reason: String,
}

impl BrokenFile {
    pub(crate) fn new(path: &str, error: &FileError) -> Self {
        Self { path: path.to_owned(), reason: telemetry::chain(error) }
    }
}

impl fmt::Display for BrokenFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, file) in self.0.iter().enumerate() {
            write!(formatter, "{}{file}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl BrokenFiles {
    /// The settings files of a snapshot that are broken. Other files that can't be read are only not served.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let files = snapshot.files();
        let settings = files.iter().filter(|(_, file)| file.is_settings);
        Self(
            settings
                .filter_map(|(path, file)| {
                    file.loaded.as_ref().err().map(|error| BrokenFile::new(path, error))
                })
                .collect(),
        )
    }
}
