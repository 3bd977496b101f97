//! One file of the repository, read once.

use std::fmt;
use std::fs::{File as OpenFile, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::format::{Document, Format, FormatError};

/// The size limit of a settings file.
const SETTINGS_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The size limit of every other file.
const FILE_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The limits of all files together. They are kept in memory.
pub(super) const FILES_MAX: usize = 20_000;
pub(super) const BYTES_MAX: usize = 256 * 1024 * 1024;

/// A file that was read, or the reason why it can't be.
pub(crate) struct File {
    /// The path below the root of its location.
    pub(crate) relative: String,
    pub(crate) is_settings: bool,
    pub(crate) loaded: Result<Loaded, FileError>,
    pub(super) stamp: Option<Stamp>,
    /// The file was read again after some time and had not changed. Two changes within the same tick of the clock can have
    /// the same stamp, so a stamp counts from then on.
    pub(super) is_confirmed: bool,
}

/// The content of a file.
pub(crate) struct Loaded {
    pub(crate) content: Arc<[u8]>,
    pub(crate) digest: [u8; 32],
    /// The documents of a settings file.
    pub(crate) documents: Vec<Document>,
}

/// Shows the path and not the content, which may be a secret.
impl fmt::Debug for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("File").field("relative", &self.relative).finish_non_exhaustive()
    }
}

/// Changes whenever a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp([i64; 5], [u64; 3]);

/// Why a file can't be served.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file can't be read.
    #[error("it can't be read")]
    Read(#[from] io::Error),
    /// It is a pipe, a socket or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is a link to a file outside of the directory.
    #[error("it is a link that leads out of the directory")]
    LeadsOut,
    /// It is too large.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// It is not valid.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl File {
    /// A file that is not read.
    pub(super) fn refused(relative: String, error: FileError) -> Self {
        let is_settings = Format::of_file_name(&relative).is_some();
        Self { relative, is_settings, loaded: Err(error), stamp: None, is_confirmed: false }
    }

    /// Reads a file, or takes `before` if nothing has changed. `path` has no links.
    pub(super) fn read(relative: String, path: &Path, before: Option<&Arc<Self>>) -> Arc<Self> {
        let opened = open(path);
        let stamp = opened.as_ref().ok().map(|(_, stamp)| *stamp);
        let is_same = stamp.is_some() && before.is_some_and(|before| before.stamp == stamp);
        if let Some(before) = before.filter(|before| is_same && before.is_confirmed) {
            return Arc::clone(before);
        }
        let content = opened.and_then(|(file, _)| content(file, Self::limit(&relative)));
        let file = match content {
            Ok(content) => Self::parse(relative, content),
            Err(error) => Self::refused(relative, error),
        };
        Arc::new(Self { stamp, is_confirmed: is_same, ..file })
    }

    /// A file with this content.
    pub(super) fn parse(relative: String, content: Vec<u8>) -> Self {
        let format = Format::of_file_name(&relative);
        let digest: [u8; 32] = Sha256::digest(&content).into();
        let documents = format.map(|format| format.read(&content)).transpose();
        let loaded = documents.map_err(FileError::from).map(|documents| Loaded {
            content: content.into(),
            digest,
            documents: documents.unwrap_or_default(),
        });
        Self { relative, is_settings: format.is_some(), loaded, stamp: None, is_confirmed: false }
    }

    /// The size limit of a file with this name.
    pub(super) fn limit(relative: &str) -> u64 {
        if Format::of_file_name(relative).is_some() { SETTINGS_MAX_BYTES } else { FILE_MAX_BYTES }
    }

    /// How much memory its content takes.
    pub(super) fn bytes(&self) -> usize {
        self.loaded.as_ref().map_or(0, |loaded| loaded.content.len())
    }

    /// What a version depends on.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        match &self.loaded {
            Ok(loaded) => loaded.digest,
            Err(error) => Sha256::digest(format!("{error}").as_bytes()).into(),
        }
    }
}

/// Opens a regular file. Opening a pipe would wait for a writer, so it is opened without waiting.
fn open(path: &Path) -> Result<(OpenFile, Stamp), FileError> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        // A socket can't be opened.
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => {
            return Err(FileError::NotRegular);
        }
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec(), 0];
    Ok((file, Stamp(times, [metadata.len(), metadata.ino(), metadata.dev()])))
}

fn content(file: OpenFile, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit { Err(FileError::TooLarge(limit)) } else { Ok(content) }
}

/// A directory that can't be read, or a limit of the scan.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A directory can't be read.
    #[error("the directory {} can't be read", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There are too many files.
    #[error("there are more than {0} files in the directories")]
    TooManyFiles(usize),
    /// The files are too large together.
    #[error("the files have more than {0} bytes together")]
    TooManyBytes(usize),
    /// Directories are nested too deeply.
    #[error("{} is more than {limit} directories deep", path.display())]
    TooDeep {
        /// The directory.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
}
