//! `config-server reseal DIR`: seals the values of settings files again, with the new key.
//!
//! | file | owns |
//! |---|---|
//! | `rewrite` | the new content of one file |
//! | `replace` | puts the new content in the place of the old, at once or not at all |

mod replace;
mod rewrite;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use thiserror::Error;

use super::keyring::{Keys, KeysError};
use crate::format::Format;
use crate::repository::{File, Repository, ScanError};
use crate::sealing::Keyring;
use replace::{ReplaceError, replace};
use rewrite::{Rewritten, rewrite};

/// Why values were not sealed again.
#[derive(Debug, Error)]
pub enum ResealError {
    /// The keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is no key to seal with.
    #[error("the key that seals is missing: --key FILE")]
    NoKey,
    /// The directories can't be read.
    #[error("the directories can't be read")]
    Unreadable(#[from] ScanError),
    /// Something is left as it was. Each has a line of its own.
    #[error("{left} values or files are left as they were:\n{report}")]
    Left {
        /// How many.
        left: usize,
        /// What was done, and what was not.
        report: String,
    },
}

/// Seals all values again that another key has sealed, and returns what was done.
pub(super) fn reseal(directories: Vec<PathBuf>, keys: &Keys, dry_run: bool) -> Result<String, ResealError> {
    let keyring = keys.read()?;
    if keyring.sealing_key(None).is_none() {
        return Err(ResealError::NoKey);
    }
    let snapshot = Repository::new(directories).read()?;
    let mut work = Work { keyring, dry_run, report: String::new(), done: 0, left: 0, seen: BTreeSet::new() };
    for (path, file) in snapshot.files() {
        work.file(path, file);
    }
    let Work { mut report, done, left, .. } = work;
    let what = if dry_run { "would be sealed again" } else { "were sealed again" };
    // Writing to a string can't fail.
    let _ = write!(report, "{done} values {what}");
    if left > 0 { Err(ResealError::Left { left, report }) } else { Ok(report) }
}

struct Work {
    keyring: Keyring,
    dry_run: bool,
    report: String,
    done: usize,
    left: usize,
    /// A file can be found by several links. It is rewritten once.
    seen: BTreeSet<PathBuf>,
}

impl Work {
    fn file(&mut self, path: &str, file: &File) {
        let Some(format) = Format::of_file_name(path) else { return };
        let loaded = match &file.loaded {
            Ok(loaded) => loaded,
            Err(error) => return self.leave(path, &telemetry::chain(error)),
        };
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) => return self.leave(path, &telemetry::chain(&error)),
        };
        if !self.seen.insert(target.clone()) {
            return;
        }
        let rewritten = rewrite(&loaded.content, &loaded.documents, &self.keyring);
        for (place, reason) in &rewritten.left {
            self.leave(&format!("{path}: {place}"), reason);
        }
        if rewritten.done.is_empty() {
            return;
        }
        let replaced = if !rewritten.is_same_for(&loaded.documents, format, &self.keyring) {
            Err(ReplaceError::NotSame)
        } else if self.dry_run {
            Ok(())
        } else {
            replace(&target, &loaded.content, &rewritten.content)
        };
        match replaced {
            Ok(()) => self.tell(path, &rewritten),
            Err(error) => self.leave(path, &telemetry::chain(&error)),
        }
    }

    fn tell(&mut self, path: &str, rewritten: &Rewritten) {
        let what = if self.dry_run { "would be sealed again" } else { "sealed again" };
        for (place, before) in &rewritten.done {
            self.done += 1;
            let _ = writeln!(self.report, "{path}: {place}: {what}, was sealed with {before}");
        }
    }

    fn leave(&mut self, place: &str, reason: &str) {
        self.left += 1;
        let _ = writeln!(self.report, "{place}: left as it was: {reason}");
    }
}
