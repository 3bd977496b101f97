//! The sections that protect a service, and its clients from a service that fails: `upstream.breaker`, `upstream.concurrency` and
//! `upstream.retry-budget`.

use std::time::Duration;

use garde::Validate;
use serde::Deserialize;

/// The circuit breaker of a service. The names are those of Resilience4j.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// The breaker opens when this percentage of calls has failed. A call has failed when the service could not be reached, or gave
    /// no answer or an invalid one. No status of an answer is a failure, and neither is a client that has gone.
    #[garde(range(min = 1, max = 100))]
    pub failure_rate_threshold: u32,
    /// The breaker opens when this percentage of calls was slow.
    #[garde(range(min = 1, max = 100))]
    pub slow_call_rate_threshold: u32,
    /// A call is slow when its answer began later than this after the whole request was sent.
    #[garde(range(min = 1, max = 600_000))]
    pub slow_call_duration_threshold_ms: u64,
    /// The calls of so many seconds are looked at.
    #[garde(range(min = 2, max = 60))]
    pub sliding_window_size_s: u64,
    /// The breaker stays closed while there are fewer calls in the window.
    #[garde(range(min = 1, max = 1_000_000))]
    pub minimum_number_of_calls: u32,
    /// How long an open breaker refuses all calls. Then it is half-open: some calls find out whether the service answers again.
    #[garde(range(min = 100, max = 60_000))]
    pub wait_duration_in_open_state_ms: u64,
    /// How many calls a half-open breaker lets through. When they have ended, it closes or opens by the same rates.
    #[garde(range(min = 1, max = 1_000))]
    pub permitted_number_of_calls_in_half_open_state: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failure_rate_threshold: 50,
            slow_call_rate_threshold: 80,
            slow_call_duration_threshold_ms: 10_000,
            sliding_window_size_s: 10,
            minimum_number_of_calls: 20,
            wait_duration_in_open_state_ms: 1_000,
            permitted_number_of_calls_in_half_open_state: 5,
        }
    }
}

impl BreakerSettings {
    /// See [`Self::slow_call_duration_threshold_ms`].
    pub fn slow_call_duration_threshold(&self) -> Duration {
        Duration::from_millis(self.slow_call_duration_threshold_ms)
    }

    /// See [`Self::wait_duration_in_open_state_ms`].
    pub fn wait_duration_in_open_state(&self) -> Duration {
        Duration::from_millis(self.wait_duration_in_open_state_ms)
    }
}

/// How many requests a service has at once: a limit that adapts. While most answers take too long, it shrinks; otherwise it grows
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ConcurrencySettings {
    /// The limit is never smaller. So many requests at once are never refused because of it.
    #[garde(range(min = 1, max = 1_000_000))]
    pub min_limit: usize,
    /// The limit is never larger. It begins with this.
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_limit: usize,
    /// An answer that begins later than this took too long.
    #[garde(range(min = 1, max = 600_000))]
    pub latency_target_ms: u64,
}

impl Default for ConcurrencySettings {
    fn default() -> Self {
        Self { min_limit: 64, max_limit: 1_000, latency_target_ms: 1_000 }
    }
}

impl ConcurrencySettings {
    /// See [`Self::latency_target_ms`].
    pub fn latency_target(&self) -> Duration {
        Duration::from_millis(self.latency_target_ms)
    }
}

/// How many requests may be sent a second time. Without a bound, a service that fails would get a multiple of its load.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RetryBudgetSettings {
    /// The percentage of the calls of the last seconds (`upstream.breaker.sliding-window-size-s`) that may be retries.
    #[garde(range(max = 100))]
    pub percent: u32,
    /// So many retries are allowed in that time in any case.
    #[garde(range(max = 100_000))]
    pub reserve: u32,
}

impl Default for RetryBudgetSettings {
    fn default() -> Self {
        Self { percent: 20, reserve: 100 }
    }
}
