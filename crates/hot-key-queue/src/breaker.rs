//! A circuit breaker: while Redis is down, nothing is sent to it, so that no request waits for a timeout.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often to check whether Redis answers again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Whether Redis is asked. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Redis answers.
    #[default]
    Closed,
    /// Redis does not answer. From `probe_at` on it is checked again.
    Open { probe_at: Instant },
}

/// What to do with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send it.
    Send,
    /// Do not send it, but check in the background whether Redis answers again. One caller at a time gets this.
    Probe,
    /// Do not send it.
    Skip,
}

impl Breaker {
    pub(crate) fn decide(&self) -> Decision {
        let mut state = self.state();
        let now = Instant::now();
        match &mut *state {
            State::Closed => Decision::Send,
            State::Open { probe_at } if *probe_at <= now => {
                *probe_at = now + PROBE_EVERY;
                Decision::Probe
            }
            State::Open { .. } => Decision::Skip,
        }
    }

    /// Redis has failed. True if it had answered before.
    pub(crate) fn failed(&self) -> bool {
        let open = State::Open { probe_at: Instant::now() + PROBE_EVERY };
        matches!(std::mem::replace(&mut *self.state(), open), State::Closed)
    }

    /// Redis has answered a probe. True if it had failed before.
    pub(crate) fn answered(&self) -> bool {
        matches!(std::mem::replace(&mut *self.state(), State::Closed), State::Open { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_redis_that_failed_is_probed_by_one_caller_a_second() {
        let breaker = Breaker::default();
        assert_eq!(breaker.decide(), Decision::Send);
        assert!(breaker.failed());
        assert!(!breaker.failed(), "only the first failure is reported");
        assert_eq!(breaker.decide(), Decision::Skip);

        tokio::time::advance(PROBE_EVERY).await;
        assert_eq!([breaker.decide(), breaker.decide()], [Decision::Probe, Decision::Skip]);

        assert!(breaker.answered());
        assert!(!breaker.answered(), "only the first answer is reported");
        assert_eq!(breaker.decide(), Decision::Send);
    }
}
