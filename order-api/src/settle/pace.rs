//! How fast a day is settled: at one go while nobody buys, in small chunks with rests between them while somebody does.
//!
//! A large chunk keeps a core of the database busy for as long as ten checkouts take, and those who buy meanwhile wait.
//! Whether somebody buys is asked of the lines, before every chunk: so it holds for what is sold through any instance, and
//! for `order-api settle` as well. A rest as a multiple of the work before it is what gh-ost calls its nice-ratio:
//! <https://github.com/github/gh-ost/blob/master/doc/command-line-flags.md>.

use std::time::Duration;

use super::Settler;
use crate::db::order_lines;
use crate::domain::day::BusinessDay;

/// Somebody who paid this recently will not be the last one.
const RECENTLY: Duration = Duration::from_secs(1);
/// How many rows or sellers a small chunk has: a few milliseconds' work.
const SMALL: u32 = 1_000;
/// How long the database is left to others, in times of the work before.
const REST: u32 = 3;

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
    pub(super) async fn pace(&self) -> sqlx::Result<Pace> {
        let since = self.clock.now() - RECENTLY;
        let mut connection = self.database.acquire().await?;
        let is_sold = order_lines::is_sold_since(&mut connection, BusinessDay::of(since), since).await?;
        connection.give_back();
        Ok(if is_sold { Pace::Gentle } else { Pace::Full })
    }
}

impl Pace {
    /// How many at once; `None` where nobody is in the way.
    pub(super) fn limit(self) -> Option<u32> {
        (self == Self::Gentle).then_some(SMALL)
    }

    /// Leaves the database to others, after work that took so long.
    pub(super) async fn rest(self, worked: Duration) {
        if self == Self::Gentle {
            tokio::time::sleep(worked * REST).await;
        }
    }
}
