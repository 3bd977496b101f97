//! Reads all files of the locations into a snapshot.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{BYTES_MAX, FILES_MAX, File, FileError, ScanError};
use super::location::Location;
use super::snapshot::Snapshot;

/// How many directories are in each other.
const DEPTH_MAX: usize = 16;

/// Reads all files. A file that has not changed since `before` is not read again.
///
/// Hidden files and directories are skipped: version control, editors and mounted volumes keep their own files there.
/// `excluded` are files that are never read, because they have keys or passwords.
pub(super) fn scan(
    locations: &[Location],
    excluded: &[PathBuf],
    before: &Snapshot,
) -> Result<Snapshot, ScanError> {
    let mut scan = Scan { excluded, before, files: HashMap::new(), bytes: 0, root: PathBuf::new() };
    for location in locations {
        let path = location.root_path();
        scan.root = fs::canonicalize(&path).map_err(|source| ScanError::Directory { path, source })?;
        let root = scan.root.clone();
        scan.directory(location.root(), "", &root, &mut vec![root.clone()])?;
    }
    Ok(Snapshot::new(scan.files))
}

struct Scan<'run> {
    excluded: &'run [PathBuf],
    before: &'run Snapshot,
    files: HashMap<String, Arc<File>>,
    bytes: usize,
    /// The root of the location, without links.
    root: PathBuf,
}

impl Scan<'_> {
    /// Reads a directory. `real` is its path without links; `above` are the directories that lead to it.
    fn directory(
        &mut self,
        root: &str,
        relative: &str,
        real: &Path,
        above: &mut Vec<PathBuf>,
    ) -> Result<(), ScanError> {
        let unreadable = |source| ScanError::Directory { path: real.to_owned(), source };
        if above.len() > DEPTH_MAX {
            return Err(ScanError::TooDeep { path: real.to_owned(), limit: DEPTH_MAX });
        }
        for entry in fs::read_dir(real).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let relative = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
            let target = match fs::canonicalize(entry.path()) {
                Ok(target) if !target.starts_with(&self.root) => Err(FileError::LeadsOut),
                Ok(target) => Ok(target),
                Err(error) => Err(error.into()),
            };
            match target {
                Ok(target) if target.is_dir() => {
                    // A link to a directory above would go on for ever.
                    if !above.contains(&target) {
                        above.push(target.clone());
                        self.directory(root, &relative, &target, above)?;
                        above.pop();
                    }
                }
                target => self.file(format!("{root}/{relative}"), relative, target)?,
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        relative: String,
        target: Result<PathBuf, FileError>,
    ) -> Result<(), ScanError> {
        let file = match target {
            Ok(target) if self.excluded.contains(&target) => return Ok(()),
            Ok(target) => File::read(relative, &target, self.before.file(&path)),
            // The file was removed since the directory was read.
            Err(FileError::Read(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => Arc::new(File::refused(relative, error)),
        };
        self.bytes += file.bytes();
        self.files.insert(path, file);
        if self.files.len() > FILES_MAX {
            return Err(ScanError::TooManyFiles(FILES_MAX));
        }
        if self.bytes > BYTES_MAX {
            return Err(ScanError::TooManyBytes(BYTES_MAX));
        }
        Ok(())
    }
}
