//! What a log has written, kept in memory.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wait::eventually;

/// A writer for a log, which keeps what is written. Its clones share it.
#[derive(Clone, Debug, Default)]
pub struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// All that was written so far.
    ///
    /// # Panics
    /// If it is not UTF-8.
    pub fn text(&self) -> String {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(written).expect("a log is UTF-8")
    }

    /// The lines that were written so far.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// The first line with these words. Waits for it.
    ///
    /// # Panics
    /// If none is written within `patience`.
    pub async fn line_with(&self, words: &str, patience: Duration) -> String {
        eventually(patience, async || {
            let line = self.lines().into_iter().find(|line| line.contains(words));
            line.ok_or_else(|| format!("no line with {words:?} in\n{}", self.text()))
        })
        .await
    }
}

impl io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test]
    async fn a_line_is_found_by_its_words() {
        let log = CapturedLog::default();
        log.clone().write_all(b"one line\nanother line\n").unwrap();

        assert_eq!(log.line_with("another", Duration::ZERO).await, "another line");
        assert_eq!(log.lines().len(), 2);
    }
}
