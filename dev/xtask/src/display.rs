//! Showing the progress of a stack: bars on a terminal, otherwise plain lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::{Term, style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stack::Progress;

const TICK: Duration = Duration::from_millis(80);
const PART_WIDTH: usize = 14;

/// Bars on a terminal, otherwise lines.
pub(crate) fn display() -> Arc<dyn Progress> {
    if Term::stderr().is_term() { Arc::new(Bars::default()) } else { Arc::new(Lines) }
}

/// One spinning line for each part.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    parts: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn finish(&self, part: &str, text: String) {
        let bar = self.parts.lock().unwrap_or_else(PoisonError::into_inner).remove(part);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
        self.line(text);
    }

    fn line(&self, text: String) {
        // If the terminal accepts no text, nothing can be done.
        drop(self.all.println(text));
    }
}

impl Progress for Bars {
    fn begin(&self, part: &str, doing: &str) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = parts.entry(part.to_owned()).or_insert_with(|| {
            let template = ProgressStyle::with_template("{spinner:.yellow} {prefix} {msg} {elapsed:.dim}")
                .expect("a constant that is a template");
            let bar = self.all.add(ProgressBar::new_spinner().with_style(template));
            bar.set_prefix(format!("{part:PART_WIDTH$}"));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(doing.to_owned());
    }

    fn ready(&self, part: &str, after: Duration, detail: &str) {
        let tick = style("✓").green();
        let seconds = style(format!("{:.2} s", after.as_secs_f64())).dim();
        self.finish(part, format!("{tick} {part:PART_WIDTH$} {detail}  {seconds}"));
    }

    fn finished(&self, part: &str, detail: &str) {
        self.finish(part, format!("{} {part:PART_WIDTH$} {detail}", style("·").dim()));
    }

    fn note(&self, text: &str) {
        self.line(text.to_owned());
    }
}

/// One line for each event.
struct Lines;

impl Progress for Lines {
    fn begin(&self, part: &str, doing: &str) {
        eprintln!("{part}: {doing}");
    }

    fn ready(&self, part: &str, after: Duration, detail: &str) {
        eprintln!("{part}: {detail}, after {:.2} s", after.as_secs_f64());
    }

    fn finished(&self, part: &str, detail: &str) {
        eprintln!("{part}: {detail}");
    }

    fn note(&self, text: &str) {
        eprintln!("{text}");
    }
}
