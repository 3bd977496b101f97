//! The end of a part's log, which is shown when the part fails.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Enough bytes for [`LINES`] long lines.
const BYTES: u64 = 16 * 1024;
const LINES: usize = 20;

/// The last lines of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogTail {
    /// The whole log.
    pub path: PathBuf,
    /// Its last lines, the oldest first. Empty if there is no log.
    pub lines: Vec<String>,
}

impl LogTail {
    /// Reads the end of a log. A log that can't be read has no lines: the caller reports another failure, which matters
    /// more.
    pub fn of(path: &Path) -> Self {
        let text = read_end(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let first = lines.len().saturating_sub(LINES);
        Self { path: path.to_owned(), lines: lines[first..].iter().map(ToString::to_string).collect() }
    }
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_of_a_log_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("redis.log");
        let lines: Vec<String> = (1..=100).map(|n| format!("line {n}\n")).collect();
        fs::write(&path, lines.join("\n")).unwrap();

        let tail = LogTail::of(&path);

        assert_eq!(tail.lines.len(), LINES);
        assert_eq!(tail.lines.first().unwrap(), "line 81");
        assert_eq!(tail.lines.last().unwrap(), "line 100");
    }

    #[test]
    fn a_missing_log_has_no_lines() {
        assert!(LogTail::of(Path::new("/nonexistent/redis.log")).lines.is_empty());
    }
}
