//! How fast a day is settled: at one go while nobody buys, in small chunks with rests between them while somebody does.
//!
//! A large chunk keeps a core of the database busy for as long as ten checkouts take, and those who buy meanwhile wait.
//! Whether somebody buys is asked of the lines, before every chunk: so it holds for what is sold through any instance, and
//! for `order-api settle` as well. A rest as a multiple of the work before it is what gh-ost calls its nice-ratio:
//! <https://github.com/github/gh-ost/blob/master/doc/command-line-flags.md>.

use std::time::Duration;

use super::day::BusinessDay;
use super::settler::Settler;
use crate::orders::db::order_lines;

/// Somebody who paid this recently will not be the last one.
const RECENTLY: Duration = Duration::from_secs(1);
/// How many rows or sellers a small chunk has: a few milliseconds' work.
const SMALL: u32 = 500;
/// How long the database is left to others, in times of the work before.
const REST: u32 = 4;
/// What took longer was waiting itself.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// How fast to go, for one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nobody buys.
    Full,
    /// Somebody does.
    Gentle,
}

impl Settler {
    /// The pace for the next chunk.
    pub(super) async fn pace(&self) -> Pace {
        match self.is_somebody_buying().await {
            Ok(false) => Pace::Full,
            Ok(true) => Pace::Gentle,
            // A database in distress is not to be driven; whether it still works, the chunk will tell.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "can't tell whether somebody buys");
                Pace::Gentle
            }
        }
    }

    async fn is_somebody_buying(&self) -> sqlx::Result<bool> {
        let since = self.clock.now() - RECENTLY;
        let is_sold = self.database.read("settlement_pace", move |db| {
            Box::pin(order_lines::is_sold_since(db, BusinessDay::of(since), since))
        });
        is_sold.await
    }
}

impl Pace {
    /// How many at once; `None` where nobody is in the way.
    pub(super) fn limit(self) -> Option<u32> {
        (self == Self::Gentle).then_some(SMALL)
    }

    /// For how long to leave the database to others, after work that took so long.
    pub(super) fn rest(self, worked: Duration) -> Duration {
        match self {
            Self::Full => Duration::ZERO,
            Self::Gentle => (worked * REST).min(LONGEST_REST),
        }
    }
}
