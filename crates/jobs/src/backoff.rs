use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Pauses between attempts: from the first, doubling, to the longest.
///
/// It computes the pause from the number of the attempt, which is stored with a job, so that it survives the process. A loop
/// that retries in memory uses `backon` itself.
///
/// ```
/// use std::time::Duration;
///
/// const RETRY: jobs::Backoff = jobs::Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
/// assert_eq!(RETRY.after(1).as_millis(), 200);
/// assert_eq!(RETRY.after(3).as_millis(), 800);
/// assert_eq!(RETRY.after(1_000).as_secs(), 30);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff(ExponentialBuilder);

/// Any pause has reached the longest by then: the first would have been doubled 63 times.
const LAST_DOUBLING: u32 = 64;

impl Backoff {
    /// For a job that calls another service: from 0.2 s to half a minute.
    pub const FOR_CALLS: Self = Self::new(Duration::from_millis(200), Duration::from_secs(30));

    /// From `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self(ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times())
    }

    /// The pause after this attempt has failed. The first attempt is 1.
    pub fn after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(LAST_DOUBLING);
        self.0.build().nth(doublings as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let attempts = [0, 1, 2, 3, 8, 9, 10, u32::MAX];
        let millis = attempts.map(|attempt| Backoff::FOR_CALLS.after(attempt).as_millis());
        assert_eq!(millis, [200, 200, 400, 800, 25_600, 30_000, 30_000, 30_000]);
    }
}
