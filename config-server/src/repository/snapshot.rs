//! All files of the locations at one moment. A snapshot never changes.

use std::collections::HashMap;
use std::sync::Arc;

use super::file::File;

/// All files of the locations, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    files: HashMap<String, Arc<File>>,
}

impl Snapshot {
    pub(super) fn new(files: HashMap<String, Arc<File>>) -> Self {
        Self { files }
    }

    /// The file with this path.
    pub(crate) fn file(&self, path: &str) -> Option<&Arc<File>> {
        self.files.get(path)
    }

    /// All files, in the order of their paths.
    pub(crate) fn files(&self) -> Vec<(&str, &File)> {
        let mut files: Vec<_> = self.files.iter().map(|(path, file)| (path.as_str(), &**file)).collect();
        files.sort_unstable_by_key(|(path, _)| *path);
        files
    }

    /// Whether both have the same files with the same content.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_same = |(path, file): (&String, &Arc<File>)| {
            let other = other.files.get(path);
            other.is_some_and(|other| Arc::ptr_eq(file, other) || file.fingerprint() == other.fingerprint())
        };
        self.files.len() == other.files.len() && self.files.iter().all(is_same)
    }
}
