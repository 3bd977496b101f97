//! How many requests of a service may be sent a second time: a share of its calls, and a few in any case. Without a bound, a
//! service that fails because it has too much to do would get even more.

use std::sync::Arc;

use metrics::{Counter, counter};
use tokio::time::Instant;

use super::window::Window;
use crate::settings::RetryBudgetSettings;

const RETRIES: &str = "gateway_retries_total";
const EXHAUSTED: &str = "gateway_retry_budget_exhausted_total";

/// See the module.
#[derive(Debug)]
pub(super) struct RetryBudget {
    settings: RetryBudgetSettings,
    /// The calls and retries of the last seconds.
    window: Arc<Window>,
    began: Instant,
    retries: Counter,
    exhausted: Counter,
}

pub(super) fn describe() {
    metrics::describe_counter!(RETRIES, "Requests that were sent to another instance after a failure");
    metrics::describe_counter!(
        EXHAUSTED,
        "Requests that were not sent again because there were too many retries"
    );
}

impl RetryBudget {
    pub(super) fn new(
        service: &Arc<str>,
        settings: &RetryBudgetSettings,
        window: Arc<Window>,
        began: Instant,
    ) -> Self {
        Self {
            settings: settings.clone(),
            window,
            began,
            retries: counter!(RETRIES, "service" => Arc::clone(service)),
            exhausted: counter!(EXHAUSTED, "service" => Arc::clone(service)),
        }
    }

    /// Whether it was made with these settings.
    pub(super) fn is_of(&self, settings: &RetryBudgetSettings) -> bool {
        self.settings == *settings
    }

    /// Takes a retry out of the budget. False if it is used up.
    pub(super) fn take(&self) -> bool {
        let now = self.began.elapsed();
        let sums = self.window.sums(now);
        let share = u64::from(sums.calls) * u64::from(self.settings.percent) / 100;
        if u64::from(sums.retries) >= share + u64::from(self.settings.reserve) {
            self.exhausted.increment(1);
            return false;
        }
        self.window.add_retry(now);
        self.retries.increment(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::window::Ended;
    use super::*;

    fn allowed(budget: &RetryBudget) -> usize {
        (0..1_000).take_while(|_| budget.take()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_calls_and_the_reserve_may_be_repeated() {
        let window = Arc::new(Window::new(10));
        let settings = RetryBudgetSettings { percent: 20, reserve: 3 };
        let budget =
            RetryBudget::new(&Arc::from("member-api"), &settings, Arc::clone(&window), Instant::now());
        assert_eq!(allowed(&budget), 3);
        for _ in 0..100 {
            window.add(Ended { has_failed: false, is_slow: false }, Duration::ZERO);
        }
        assert_eq!(allowed(&budget), 20);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(allowed(&budget), 3, "calls and retries of the past are forgotten");
    }
}
