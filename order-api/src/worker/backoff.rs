//! The pause before the next attempt.

use std::time::Duration;

/// How long to wait after the given failed attempt: 0.2 s after the first one, then twice as long each time, up to 30 s.
pub fn backoff(attempt: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_half_a_minute() {
        let millis = [0, 1, 2, 3, 8, 9, u32::MAX].map(|attempt| backoff(attempt).as_millis());
        assert_eq!(millis, [200, 200, 400, 800, 25_600, 30_000, 30_000]);
    }
}
