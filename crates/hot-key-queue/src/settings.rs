//! The settings of a queue.

use std::time::Duration;

use garde::Validate;
use serde::Deserialize;

/// The section of one lock: `wallet-lock`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Whether requests are queued by this lock. Without it the database alone orders the requests, with the same result.
    #[garde(skip)]
    pub enabled: bool,
    /// How long a request waits for the lock before it goes on without it.
    #[garde(range(min = 1, max = 60_000))]
    pub wait_ms: u64,
    /// How long the lock stays with a process that has died or hangs. A process that works renews its lease.
    #[garde(range(min = 500, max = 600_000))]
    pub lease_ms: u64,
    /// How many requests for one thing run together while their process has the lock. With more than one, the database already
    /// has the statements of the next request while the one before waits for its commit.
    #[garde(range(min = 1, max = 64))]
    pub at_once: usize,
    /// How long a request waits for an answer of Redis, also if a connection has to be opened for it. Then it goes on without Redis.
    /// With `limits.redis-timeout-ms` of the gateway, this is how long a client waits for a Redis that stands still.
    #[garde(range(min = 1, max = 10_000))]
    pub redis_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, wait_ms: 1_000, lease_ms: 5_000, at_once: 1, redis_timeout_ms: 200 }
    }
}

impl Settings {
    pub(crate) const fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }

    /// A third of the lease, so that two renewals may fail before it runs out.
    pub(crate) const fn renew_every(&self) -> Duration {
        Duration::from_millis(self.lease_ms / 3)
    }

    pub(crate) const fn redis_timeout(&self) -> Duration {
        Duration::from_millis(self.redis_timeout_ms)
    }
}
