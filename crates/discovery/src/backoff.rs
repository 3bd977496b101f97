//! How long to wait before Consul is asked again after it failed to answer.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses that double, each made longer by a random part of itself: from 50 to 100 ms at first, from 1 to 2 s in the end. The
/// random part keeps many processes from asking a Consul that comes back in the same moment.
#[derive(Debug)]
pub(crate) struct Backoff(ExponentialBackoff);

impl Backoff {
    pub(crate) fn new() -> Self {
        let pauses = ExponentialBuilder::new().with_min_delay(FIRST).with_max_delay(LONGEST);
        Self(pauses.with_jitter().without_max_times().build())
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    /// How long to wait now.
    pub(crate) fn next_pause(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new();
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            last = backoff.next_pause();
            assert!(last <= 2 * LONGEST);
        }
        assert!(last >= LONGEST);
        backoff.reset();
        assert!(backoff.next_pause() <= 2 * FIRST);
    }
}
