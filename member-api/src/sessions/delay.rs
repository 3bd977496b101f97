//! Rules: how failed attempts delay the next one.
//!
//! Failures fill a leaky bucket. While the bucket is not full, there is no delay. When it is full, each failure doubles the delay
//! until the next attempt.

use std::time::Duration;

use time::OffsetDateTime;

const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How many failures are free, and what comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many failures are free: they cause no delay.
    pub attempts: u32,
    /// After how long one failure is forgiven.
    pub refill: Duration,
    /// The longest delay.
    pub longest_wait: Duration,
}

/// The failures of an account or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// When the last of them is forgiven.
    pub clear_at: OffsetDateTime,
    /// When the last failure happened.
    pub failed_at: OffsetDateTime,
    /// Until this time a single attempt is being checked, and no other one is allowed.
    pub claimed_until: OffsetDateTime,
}

/// How many attempts are left of a limit, as the answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit.
    pub limit: Limit,
    /// How many attempts may fail before there is a delay.
    pub remaining: u32,
    /// When more attempts are possible: after the delay, or when all failures are forgiven. `None` if nothing has failed.
    pub reset: Option<Duration>,
}

impl Limit {
    /// No failures.
    pub fn none(now: OffsetDateTime) -> Failures {
        Failures { clear_at: now, failed_at: now, claimed_until: now }
    }

    /// The failures after one more.
    pub fn add(self, failures: Failures, now: OffsetDateTime) -> Failures {
        Failures { clear_at: failures.clear_at.max(now) + self.refill, failed_at: now, ..failures }
    }

    /// How many failures are not forgiven.
    pub fn count(self, failures: Failures, at: OffsetDateTime) -> u32 {
        let left = (failures.clear_at - at).whole_microseconds();
        let each = i128::try_from(self.refill.as_micros()).unwrap_or(i128::MAX).max(1);
        u32::try_from((left + each - 1) / each).unwrap_or(if left > 0 { u32::MAX } else { 0 })
    }

    /// Whether no free failure is left. Then the next attempt is allowed only after a delay, and alone.
    pub fn is_used_up(self, failures: Failures, now: OffsetDateTime) -> bool {
        self.count(failures, now) >= self.attempts
    }

    /// How long the next attempt must wait. Zero if it need not.
    pub fn wait(self, failures: Failures, now: OffsetDateTime) -> Duration {
        if !self.is_used_up(failures, now) {
            return Duration::ZERO;
        }
        let further = self.count(failures, failures.failed_at).saturating_sub(self.attempts);
        let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(further)).min(self.longest_wait);
        let allowed_at = (failures.failed_at + delay).max(failures.claimed_until);
        Duration::try_from(allowed_at - now).unwrap_or_default()
    }

    /// What is left.
    pub fn standing(self, failures: Failures, now: OffsetDateTime) -> Standing {
        let wait = self.wait(failures, now);
        let until_clear = Duration::try_from(failures.clear_at - now).unwrap_or_default();
        let reset = if wait.is_zero() { until_clear } else { wait };
        Standing {
            limit: self,
            remaining: self.attempts.saturating_sub(self.count(failures, now)),
            reset: Some(reset).filter(|reset| !reset.is_zero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 09:00 UTC);
    const LIMIT: Limit =
        Limit { attempts: 3, refill: Duration::from_secs(900), longest_wait: Duration::from_secs(900) };

    fn after(failures: u32) -> Failures {
        (0..failures).fold(Limit::none(NOW), |so_far, _| LIMIT.add(so_far, NOW))
    }

    #[test]
    fn the_delay_begins_when_no_attempt_is_left_and_doubles_up_to_a_bound() {
        let waits: Vec<_> = (0..16).map(|failures| LIMIT.wait(after(failures), NOW).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(LIMIT.wait(after(4), NOW + Duration::from_secs(2)), Duration::ZERO);
    }

    #[test]
    fn failures_are_forgiven_one_after_the_other() {
        let failures = after(4);
        let counts: Vec<_> =
            (0..6).map(|step| LIMIT.count(failures, NOW + Duration::from_secs(step * 900))).collect();
        assert_eq!(counts, [4, 3, 2, 1, 0, 0]);
    }

    #[test]
    fn while_one_attempt_is_decided_the_next_one_waits() {
        let seconds = Duration::from_secs;
        let failures = Failures { claimed_until: NOW + seconds(7), ..after(3) };
        assert_eq!(LIMIT.wait(failures, NOW + seconds(2)), seconds(5));
    }

    #[test]
    fn what_is_left_is_told() {
        let standing = |failures| {
            let standing = LIMIT.standing(after(failures), NOW);
            (standing.remaining, standing.reset.map(|reset| reset.as_secs()))
        };
        assert_eq!(standing(0), (3, None));
        assert_eq!(standing(1), (2, Some(900)));
        assert_eq!(standing(3), (0, Some(1)));
        assert_eq!(standing(5), (0, Some(4)));
    }

    proptest! {
        #[test]
        fn another_failure_never_shortens_the_wait(failures in 0..60_u32, later in 0..40_000_u64) {
            let now = NOW + Duration::from_secs(later);
            let more = LIMIT.add(after(failures), now);
            prop_assert!(LIMIT.wait(more, now) >= LIMIT.wait(after(failures), now));
            prop_assert!(LIMIT.wait(more, now) <= LIMIT.longest_wait);
        }
    }
}
