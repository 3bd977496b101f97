//! The file of a snapshot.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sealing::OwnKey;
use secrecy::SecretString;
use time::OffsetDateTime;

use super::content::{Owner, Snapshot};
use super::error::SnapshotError;

/// Only its owner may read it: it has every secret of the application, sealed.
const MODE: u32 = 0o600;

/// A snapshot is an answer and little more.
const MAX_BYTES: u64 = crate::transport::ANSWER_MAX_BYTES as u64 + 64 * 1024;

/// Where the snapshot of an application is.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    owner: Owner,
    key: OwnKey,
}

/// The right to write the file. It ends with this value, or with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl SnapshotFile {
    pub(crate) fn new(path: &Path, owner: Owner, password: &SecretString) -> Result<Self, SnapshotError> {
        Ok(Self { path: path.to_owned(), owner, key: OwnKey::from_password(password)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the snapshot. `None` if there is none.
    pub(crate) fn read(&self) -> Result<Option<Snapshot>, SnapshotError> {
        let failed = |source| cannot("can't read", &self.path, source);
        let about = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            about => about.map_err(failed)?,
        };
        // To open a pipe would wait for its other end.
        if !about.is_file() {
            return Err(SnapshotError::NoFile(self.path.clone()));
        }
        let mut content = Vec::new();
        let file = File::open(&self.path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 > MAX_BYTES {
            return Err(SnapshotError::TooLarge(self.path.clone()));
        }
        Snapshot::open(&content, &self.owner, &self.key, &self.path).map(Some)
    }

    /// Takes the right to write the file, for as long as the process keeps it. A process that stands still keeps it as well, so
    /// that it can't replace something newer when it goes on.
    pub(crate) fn lock(&self) -> Result<Lock, SnapshotError> {
        let path = self.beside(".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(&path);
        let file = opened.map_err(|source| cannot("can't open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse(self.path.clone())),
            Err(TryLockError::Error(source)) => Err(cannot("can't lock", &path, source)),
        }
    }

    /// Replaces the file at once. A newer snapshot stays, and so does a file that is not that of this application. Returns whether
    /// it was written.
    pub(crate) fn write(
        &self,
        _lock: &Lock,
        snapshot: &Snapshot,
        now: OffsetDateTime,
    ) -> Result<bool, SnapshotError> {
        match self.read() {
            Ok(Some(old)) if old.body == snapshot.body && old.tag == snapshot.tag => return Ok(false),
            // A time that has not come yet says that the clock was wrong, and nothing of the order.
            Ok(Some(old)) if old.received > snapshot.received && old.received <= now => return Ok(false),
            // Nobody can use a broken one any more.
            Ok(_)
            | Err(SnapshotError::Truncated(_) | SnapshotError::Sealed { .. } | SnapshotError::Content(_)) => {
            }
            Err(other) => return Err(other),
        }
        let content = snapshot.seal(&self.owner, &self.key, &self.path)?;
        let new = self.beside(".new");
        let written = self.replace_by(&new, &content);
        if written.is_err() {
            // What was written of it is of no use.
            let _ = fs::remove_file(&new);
        }
        written.map(|()| true)
    }

    fn replace_by(&self, new: &Path, content: &[u8]) -> Result<(), SnapshotError> {
        let failed = |source| cannot("can't write", new, source);
        match fs::remove_file(new) {
            // A process has ended in the middle of writing.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(MODE).open(new).map_err(failed)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(new, &self.path).map_err(|source| cannot("can't replace", &self.path, source))?;
        // The new name is on the disk with its folder.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| cannot("can't write", folder, source))
    }

    /// A file beside this one.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }
}

fn cannot(doing: &'static str, path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
