//! Replaces a file at once or not at all.

use std::fs::{self, File};
use std::io;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use thiserror::Error;

/// Why a file was not replaced.
#[derive(Debug, Error)]
pub(super) enum ReplaceError {
    #[error("it can't be replaced")]
    Replace(#[from] io::Error),
    #[error("it has changed meanwhile: run the command again")]
    Changed,
    #[error("the new content would not say the same as the old")]
    NotSame,
}

/// Writes `after` in the place of `before`. Whoever reads the file sees one of both, also after a crash. Owner and permissions
/// stay.
pub(super) fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), ReplaceError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // A hidden file is no settings file.
    let mut file = tempfile::Builder::new().prefix(".reseal-").tempfile_in(directory)?;
    file.write_all(after)?;
    let metadata = fs::metadata(path)?;
    let made = file.as_file().metadata()?;
    if (made.uid(), made.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid()))?;
    }
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    if fs::read(path)? != before {
        return Err(ReplaceError::Changed);
    }
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn permissions_stay_and_a_file_that_has_changed_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yml");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();

        replace(&path, b"before", b"after").unwrap();
        let changed = replace(&path, b"before", b"again");

        assert!(matches!(changed, Err(ReplaceError::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
