//! The calls of a service in the last seconds, and how they ended. The breaker and the retry budget look at them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The calls of the last seconds, in a ring of seconds.
///
/// All threads count here, without a lock. When a second begins, a call may be counted in the place of the second before or get
/// lost. Rates do not change by that.
#[derive(Debug)]
pub(super) struct Window {
    seconds: Vec<Second>,
}

#[derive(Debug, Default)]
struct Second {
    /// Which second since the start it is.
    number: AtomicU64,
    calls: AtomicU32,
    failed: AtomicU32,
    slow: AtomicU32,
    retries: AtomicU32,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) has_failed: bool,
    pub(super) is_slow: bool,
}

/// The sums of all seconds of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
    pub(super) retries: u32,
}

impl Window {
    pub(super) fn new(seconds: u64) -> Self {
        Self { seconds: (0..seconds.max(1)).map(|_| Second::default()).collect() }
    }

    /// How many seconds it remembers.
    pub(super) fn seconds(&self) -> u64 {
        self.seconds.len() as u64
    }

    /// Counts a call that has ended at this time since the start.
    pub(super) fn add(&self, ended: Ended, now: Duration) {
        let second = self.second(now);
        second.calls.fetch_add(1, Ordering::Relaxed);
        if ended.has_failed {
            second.failed.fetch_add(1, Ordering::Relaxed);
        }
        if ended.is_slow {
            second.slow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a retry.
    pub(super) fn add_retry(&self, now: Duration) {
        self.second(now).retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sums(&self, now: Duration) -> Sums {
        let (now, length) = (now.as_secs(), self.seconds.len() as u64);
        let recent = self.seconds.iter().filter(|second| {
            let number = second.number.load(Ordering::Relaxed);
            number <= now && now - number < length
        });
        recent.fold(Sums::default(), |sums, second| Sums {
            calls: sums.calls.saturating_add(second.calls.load(Ordering::Relaxed)),
            failed: sums.failed.saturating_add(second.failed.load(Ordering::Relaxed)),
            slow: sums.slow.saturating_add(second.slow.load(Ordering::Relaxed)),
            retries: sums.retries.saturating_add(second.retries.load(Ordering::Relaxed)),
        })
    }

    /// Forgets the calls, and keeps the retries.
    pub(super) fn forget_calls(&self) {
        for second in &self.seconds {
            second.forget_calls();
        }
    }

    fn second(&self, now: Duration) -> &Second {
        let number = now.as_secs();
        let place = usize::try_from(number % self.seconds.len() as u64).unwrap_or_default();
        let second = &self.seconds[place];
        let old = second.number.load(Ordering::Relaxed);
        let swap = |old| second.number.compare_exchange(old, number, Ordering::Relaxed, Ordering::Relaxed);
        if old != number && swap(old).is_ok() {
            second.forget_calls();
            second.retries.store(0, Ordering::Relaxed);
        }
        second
    }
}

impl Second {
    fn forget_calls(&self) {
        for count in [&self.calls, &self.failed, &self.slow] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

impl Sums {
    /// Whether at least this percentage of the calls are so many.
    pub(super) fn reach(self, count: u32, percent: u32) -> bool {
        self.calls > 0 && u64::from(count) * 100 >= u64::from(percent) * u64::from(self.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Ended = Ended { has_failed: false, is_slow: false };
    const BAD: Ended = Ended { has_failed: true, is_slow: true };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn only_the_last_seconds_count() {
        let window = Window::new(3);
        window.add(BAD, at(10));
        window.add(GOOD, at(11));
        window.add_retry(at(12));
        assert_eq!(window.sums(at(12)), Sums { calls: 2, failed: 1, slow: 1, retries: 1 });
        assert_eq!(window.sums(at(13)), Sums { calls: 1, retries: 1, ..Sums::default() });
        window.add(GOOD, at(13));
        assert_eq!(window.sums(at(13)), Sums { calls: 2, retries: 1, ..Sums::default() });
        assert_eq!(window.sums(at(100)), Sums::default());
    }

    #[test]
    fn calls_can_be_forgotten() {
        let window = Window::new(3);
        window.add(BAD, at(10));
        window.add_retry(at(10));
        window.forget_calls();
        assert_eq!(window.sums(at(10)), Sums { retries: 1, ..Sums::default() });
    }

    #[test]
    fn a_rate_is_reached_at_its_percentage() {
        let sums = |calls| Sums { calls, ..Sums::default() };
        assert!(sums(4).reach(2, 50) && !sums(5).reach(2, 50));
        assert!(!sums(0).reach(0, 1));
    }
}
