//! What a stack tells about its progress; `xtask` shows it with bars, the tests not at all.

use std::time::Duration;

/// Hears what is going on. Parts start together, so calls come from several threads.
pub trait Progress: Send + Sync {
    /// Work on a part begins, or goes on to something else: "redis", "starting".
    fn begin(&self, part: &str, doing: &str);

    /// The part is ready, after so long, and where: "redis", "127.0.0.1:6379".
    fn ready(&self, part: &str, after: Duration, detail: &str);

    /// The part has stopped, or its work is over: "redis", "stopped".
    fn over(&self, part: &str, detail: &str);

    /// Something that a person should read, about no part.
    fn note(&self, text: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: &str) {}
    fn ready(&self, _: &str, _: Duration, _: &str) {}
    fn over(&self, _: &str, _: &str) {}
    fn note(&self, _: &str) {}
}
