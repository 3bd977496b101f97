//! The one source of time and of time-ordered ids.
//!
//! Everything that needs the time or a new id takes a [`Clock`]. A process has the system's clock. A test has one that it
//! sets by a [`ClockControl`], so that a rule about thirty minutes is tested in a millisecond. `clippy.toml` bans every other source.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::{ContextV7, Timestamp, Uuid};

/// Tells the time and makes ids. Cheap to clone; clones tell the same time.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    /// Keeps the ids of one process in the order in which they were made, also within a millisecond.
    id_context: Arc<std::sync::Mutex<ContextV7>>,
}

#[derive(Clone)]
enum Source {
    System,
    /// Microseconds since the Unix epoch.
    Manual(Arc<AtomicI64>),
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    /// A clock that stands still at `start` until its [`ClockControl`] sets it.
    pub fn manual(start: OffsetDateTime) -> (Self, ClockControl) {
        let micros = Arc::new(AtomicI64::new(micros_of(start)));
        (Self::of(Source::Manual(Arc::clone(&micros))), ClockControl(micros))
    }

    fn of(source: Source) -> Self {
        Self { source, id_context: Arc::new(std::sync::Mutex::new(ContextV7::new())) }
    }

    /// The time in UTC, in whole microseconds. A `DATETIME(6)` column holds no more, so a value that is read back equals the
    /// one that was written.
    pub fn now(&self) -> OffsetDateTime {
        let micros = match &self.source {
            #[expect(clippy::disallowed_methods, reason = "only this place asks the system")]
            Source::System => micros_of(OffsetDateTime::now_utc()),
            Source::Manual(micros) => micros.load(Ordering::SeqCst),
        };
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
            .expect("an i64 of microseconds that came from an OffsetDateTime is one again")
    }

    /// A new `UUIDv7` of this clock's time. Ids made by one process sort in the order in which they were made.
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
        let context = self.id_context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.nanosecond()))
    }
}

/// Sets a manual clock.
#[derive(Clone, Debug)]
pub struct ClockControl(Arc<AtomicI64>);

impl ClockControl {
    /// Sets the time, forward or back.
    pub fn set(&self, time: OffsetDateTime) {
        self.0.store(micros_of(time), Ordering::SeqCst);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

fn micros_of(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_manual_clock_changes_only_by_its_control() {
        let (clock, control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        assert_eq!(clock.now(), clock.now());
        control.advance(Duration::from_secs(90));
        assert_eq!(clock.now(), datetime!(2026-11-22 09:01:30 UTC));
        control.set(datetime!(2020-01-01 00:00 UTC));
        assert_eq!(clock.clone().now(), datetime!(2020-01-01 00:00 UTC));
    }

    #[test]
    fn ids_sort_in_the_order_they_were_made_even_in_one_microsecond() {
        let (clock, _control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        let ids: Vec<_> = (0..1_000).map(|_| clock.new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_system_clock_tells_whole_microseconds() {
        assert_eq!(Clock::system().now().nanosecond() % 1_000, 0);
    }
}
