//! Leaving Redis alone while it is down, so that no request waits for what will not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often to look whether Redis is back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether Redis is asked. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Redis answers.
    #[default]
    Up,
    /// It does not; when it is worth a look.
    Down { look_at: Instant },
}

/// What to do with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send it.
    Ask,
    /// Do not send it; but have a look, beside the request, whether Redis is back. Told to one caller at a
    /// time.
    Look,
    /// Do not send it.
    LeaveAlone,
}

impl Breaker {
    pub(crate) fn verdict(&self) -> Verdict {
        let mut state = self.state();
        let now = Instant::now();
        match &mut *state {
            State::Up => Verdict::Ask,
            State::Down { look_at } if *look_at <= now => {
                *look_at = now + LOOK_EVERY;
                Verdict::Look
            }
            State::Down { .. } => Verdict::LeaveAlone,
        }
    }

    /// Redis has failed; true where that is news.
    pub(crate) fn failed(&self) -> bool {
        let down = State::Down { look_at: Instant::now() + LOOK_EVERY };
        matches!(std::mem::replace(&mut *self.state(), down), State::Up)
    }

    /// Redis has answered a look; true where that is news.
    pub(crate) fn answered(&self) -> bool {
        matches!(std::mem::replace(&mut *self.state(), State::Up), State::Down { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_redis_that_failed_is_looked_at_by_one_caller_a_second() {
        let breaker = Breaker::default();
        assert_eq!(breaker.verdict(), Verdict::Ask);
        assert!(breaker.failed());
        assert!(!breaker.failed(), "it is no news twice");
        assert_eq!(breaker.verdict(), Verdict::LeaveAlone);

        tokio::time::advance(LOOK_EVERY).await;
        assert_eq!([breaker.verdict(), breaker.verdict()], [Verdict::Look, Verdict::LeaveAlone]);

        assert!(breaker.answered());
        assert!(!breaker.answered(), "it is no news twice");
        assert_eq!(breaker.verdict(), Verdict::Ask);
    }
}
