//! How fast a day is settled: at full speed while nobody buys; in small chunks with pauses while somebody does.
//!
//! A large chunk keeps a core of the database busy for as long as ten checkouts take, and customers who buy meanwhile have
//! to wait. Before every chunk the settlement looks for lines that were paid just now. So it notices sales through any
//! instance, also when it runs as `order-api settle`. A pause as a multiple of the work before it is what gh-ost calls its
//! nice-ratio: <https://github.com/github/gh-ost/blob/master/doc/command-line-flags.md>.

use std::time::Duration;

use super::day::BusinessDay;
use super::db::lines;
use super::resources::Resources;

/// A sale within this time means that somebody is buying.
const RECENTLY: Duration = Duration::from_secs(1);
/// The number of rows or sellers in a small chunk. It is the work of a few milliseconds.
const SMALL_CHUNK: u32 = 500;
/// The pause, as a multiple of the work before it.
const PAUSE_RATIO: u32 = 4;
/// The longest pause. A chunk that would need a longer one has itself waited for the database.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The pace of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nobody buys.
    Full,
    /// Somebody buys.
    Slow,
}

impl Pace {
    /// The pace of the next chunk.
    pub(super) async fn now(resources: &Resources) -> Self {
        match is_somebody_buying(resources).await {
            Ok(false) => Self::Full,
            Ok(true) => Self::Slow,
            // The database may be overloaded. If it does not work at all, the chunk will fail.
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot tell whether somebody buys"
                );
                Self::Slow
            }
        }
    }

    /// How many rows or sellers the next chunk has at most; `None` if there is no limit.
    pub(super) fn limit(self) -> Option<u32> {
        (self == Self::Slow).then_some(SMALL_CHUNK)
    }

    /// The pause after work that took `worked`.
    pub(super) fn pause(self, worked: Duration) -> Duration {
        match self {
            Self::Full => Duration::ZERO,
            Self::Slow => (worked * PAUSE_RATIO).min(LONGEST_PAUSE),
        }
    }
}

async fn is_somebody_buying(resources: &Resources) -> sqlx::Result<bool> {
    let since = resources.clock.now() - RECENTLY;
    let is_sold = resources.database.read("settlement_pace", move |connection| {
        Box::pin(lines::is_sold_since(connection, BusinessDay::of(since), since))
    });
    is_sold.await
}
