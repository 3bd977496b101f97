//! Rules: the generic cell rate algorithm, which is a leaky bucket that remembers one time.
//!
//! The *theoretical arrival time* (TAT) is when the bucket will be empty again. Each request moves it on by the interval in which
//! one request comes back. A request is refused if that would move it further than the bucket is large. `take.lua` is the same
//! arithmetic in Redis.

/// A limit: `quota` requests at once, and one more after each interval. All times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) interval: u64,
    pub(super) quota: u64,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many requests are allowed now.
    pub(super) remaining: u64,
    /// After how long all are allowed again.
    pub(super) reset: u64,
}

impl Rate {
    pub(super) fn new(quota: u64, window: u64) -> Self {
        Self { interval: (window / quota).max(1), quota }
    }

    /// How far the TAT can be in the future: the size of the bucket.
    pub(super) fn depth(self) -> u64 {
        self.interval * self.quota
    }

    /// Counts a request, whether it is allowed or not.
    pub(super) fn add(self, tat: &mut u64, now: u64) {
        *tat = ((*tat).max(now) + self.interval).min(now + self.depth());
    }

    /// Counts a request if it is allowed. Otherwise returns after how long it would be. What was counted under another rate keeps
    /// nobody out for longer than an interval of this one.
    pub(super) fn take(self, tat: &mut u64, now: u64) -> Result<Standing, u64> {
        *tat = (*tat).clamp(now, now + self.depth());
        let next = *tat + self.interval;
        if next > now + self.depth() {
            return Err(next - now - self.depth());
        }
        *tat = next;
        Ok(self.standing(next, now))
    }

    pub(super) fn standing(self, tat: u64, now: u64) -> Standing {
        let reset = tat.saturating_sub(now).min(self.depth());
        Standing { remaining: self.depth().saturating_sub(reset) / self.interval, reset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_whole_quota_may_come_at_once_and_then_one_by_one() {
        let rate = Rate::new(3, 6 * SECOND);
        let mut tat = 0;
        let now = 100 * SECOND;
        let remaining: Vec<_> = (0..3).map(|_| rate.take(&mut tat, now).unwrap().remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        assert_eq!(rate.take(&mut tat, now), Err(2 * SECOND));
        assert_eq!(rate.take(&mut tat, now + SECOND), Err(SECOND));
        let back = rate.take(&mut tat, now + 2 * SECOND).unwrap();
        assert_eq!(back, Standing { remaining: 0, reset: 6 * SECOND });
        assert!(rate.take(&mut tat, now + 2 * SECOND).is_err());
    }

    #[test]
    fn who_has_used_up_a_limit_that_is_replaced_waits_for_one_interval_of_the_new_one() {
        let mut tat = 0;
        let old = Rate::new(1, 3_600 * SECOND);
        assert!(old.take(&mut tat, 0).is_ok());
        let new = Rate::new(60, 60 * SECOND);
        assert_eq!(new.standing(tat, 0), Standing { remaining: 0, reset: 60 * SECOND });
        assert_eq!(new.take(&mut tat, 0), Err(SECOND));
        assert!(new.take(&mut tat, SECOND).is_ok());
    }

    #[test]
    fn a_client_that_waits_long_enough_has_the_whole_quota_and_no_more() {
        let rate = Rate::new(3, 6 * SECOND);
        let mut tat = 0;
        (0..3).for_each(|_| rate.add(&mut tat, 0));
        assert_eq!(rate.standing(tat, 6 * SECOND), Standing { remaining: 3, reset: 0 });
        assert_eq!(rate.standing(tat, 600 * SECOND), Standing { remaining: 3, reset: 0 });
    }

    #[test]
    fn requests_beyond_the_limit_that_are_counted_nevertheless_delay_by_one_window_at_most() {
        let rate = Rate::new(3, 6 * SECOND);
        let mut tat = 0;
        (0..100).for_each(|_| rate.add(&mut tat, 0));
        assert_eq!(rate.take(&mut tat, 0), Err(2 * SECOND));
    }
}
