//! The writer of the log: lines are kept in memory, and a thread writes them.
//!
//! Whoever logs appends to the memory and goes on. The lines of answered requests may wait a moment, so that many are written
//! at once; every other line is written as soon as the thread can. If the reader of the log is too slow, lines are dropped
//! and counted.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The target of the lines about answered requests: the module that writes them.
pub(crate) const ACCESS_TARGET: &str = "telemetry::request";
/// A line that would make the kept lines longer is dropped.
const CAPACITY: usize = 1024 * 1024;
/// How long the lines of answered requests may wait.
const PATIENCE: Duration = Duration::from_millis(50);

const DROPPED: &str = "log_lines_dropped_total";

/// Cheap to clone; clones share the lines.
#[derive(Clone)]
pub(crate) struct LineWriter(Arc<Shared>);

struct Shared {
    kept: Mutex<Kept>,
    /// Wakes the thread up.
    has_lines: Condvar,
    /// Wakes those who wait for the thread up.
    is_written: Condvar,
}

#[derive(Default)]
struct Kept {
    lines: Vec<u8>,
    /// Whether there is a line that must not wait.
    is_urgent: bool,
    /// Whether the thread is writing lines that it has taken.
    is_writing: bool,
    dropped: u64,
}

/// Takes the text of one line.
pub(crate) struct Line<'a> {
    shared: &'a Shared,
    is_urgent: bool,
}

impl LineWriter {
    pub(crate) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            kept: Mutex::default(),
            has_lines: Condvar::new(),
            is_written: Condvar::new(),
        });
        let writing = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_for_ever(out))?;
        Ok(Self(shared))
    }

    /// Waits until all lines so far are written.
    pub(crate) fn flush(&self) {
        let mut kept = self.0.kept();
        while !kept.lines.is_empty() || kept.is_writing {
            kept.is_urgent = true;
            self.0.has_lines.notify_one();
            kept = self.0.is_written.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, line: &[u8], is_urgent: bool) {
        let mut kept = self.kept();
        if kept.lines.len() + line.len() > CAPACITY {
            kept.dropped += 1;
            return;
        }
        // The thread sleeps only while there are no lines, or none that is urgent.
        let is_to_be_woken = kept.lines.is_empty() || (is_urgent && !kept.is_urgent);
        kept.is_urgent |= is_urgent;
        kept.lines.extend_from_slice(line);
        drop(kept);
        if is_to_be_woken {
            self.has_lines.notify_one();
        }
    }

    fn write_for_ever(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        loop {
            let kept = self.kept();
            let kept = self.has_lines.wait_while(kept, |kept| kept.lines.is_empty());
            let kept = kept.unwrap_or_else(PoisonError::into_inner);
            let kept = self.has_lines.wait_timeout_while(kept, PATIENCE, |kept| !kept.is_urgent);
            let (mut kept, _) = kept.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut kept.lines, &mut taken);
            kept.is_urgent = false;
            kept.is_writing = true;
            let dropped = std::mem::take(&mut kept.dropped);
            drop(kept);
            // If nobody takes the log, there is nobody to be told.
            let _ = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            if dropped > 0 {
                metrics::counter!(DROPPED).increment(dropped);
                let _ = writeln!(
                    out,
                    "{dropped} lines of the log were dropped, because it is not read fast enough"
                );
            }
            self.kept().is_writing = false;
            self.is_written.notify_all();
        }
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { shared: &self.0, is_urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        Line { shared: &self.0, is_urgent: metadata.target() != ACCESS_TARGET }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shared.append(bytes, self.is_urgent);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Describes the metrics to the recorder.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        DROPPED,
        "Lines of the log that were dropped, because nobody read them fast enough"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes what is written when it is told to.
    struct Slow {
        may_go_on: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.may_go_on.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_delays_nobody_and_the_dropped_lines_are_counted() {
        let (go_on, may_go_on) = mpsc::channel();
        let written = Arc::default();
        let writer = LineWriter::start(Slow { may_go_on, written: Arc::clone(&written) }).unwrap();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..100 {
            writer.make_writer().write_all(&line).unwrap();
        }
        drop(go_on);
        writer.flush();
        let written = written.lock().unwrap();
        let text = String::from_utf8_lossy(&written);
        assert!(text.contains(" lines of the log were dropped"), "{} bytes", text.len());
        assert!(
            written.len() >= CAPACITY - line.len() && written.len() < 3 * CAPACITY,
            "{} bytes",
            written.len()
        );
    }

    #[test]
    fn all_lines_are_written_in_their_order() {
        let written = Arc::default();
        let (go_on, may_go_on) = mpsc::channel();
        drop(go_on);
        let writer = LineWriter::start(Slow { may_go_on, written: Arc::clone(&written) }).unwrap();
        for (number, is_urgent) in [false, true, false, true].into_iter().enumerate() {
            writer.0.append(format!("{number}\n").as_bytes(), is_urgent);
        }
        writer.flush();
        assert_eq!(*written.lock().unwrap(), b"0\n1\n2\n3\n");
    }
}
