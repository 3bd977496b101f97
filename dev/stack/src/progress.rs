//! The progress of a stack. `xtask` shows it, the tests do not.

use std::time::Duration;

/// Receives the progress. Parts start at the same time, so the calls come from several threads.
pub trait Progress: Send + Sync {
    /// A piece of work on a part begins: "redis", "starting".
    fn begin(&self, part: &str, doing: &str);

    /// The part is ready after this time, at this address: "redis", "127.0.0.1:6379".
    fn ready(&self, part: &str, after: Duration, detail: &str);

    /// The work on a part is finished: "redis", "stopped".
    fn finished(&self, part: &str, detail: &str);

    /// A message for people that is not about a part.
    fn note(&self, text: &str);
}

/// Ignores the progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: &str) {}
    fn ready(&self, _: &str, _: Duration, _: &str) {}
    fn finished(&self, _: &str, _: &str) {}
    fn note(&self, _: &str) {}
}
