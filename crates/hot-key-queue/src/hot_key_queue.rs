//! The queue of a kind of thing, and running work in it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis_connection::{AddressError, RedisSettings};
use tokio::time::Instant;

use crate::queue::Queues;
use crate::remote::{RedisDown, Remote};
use crate::settings::Settings;
use crate::turn::Turn;

/// A wait of this length is logged.
const LONG_WAIT: Duration = Duration::from_millis(250);

/// A queue for each thing of a kind, by the thing's key. Cheap to clone.
#[derive(Clone)]
pub struct HotKeyQueue(Option<Arc<Inner>>);

struct Inner {
    name: &'static str,
    wait: Duration,
    renew_every: Duration,
    remote: Remote,
    queues: Queues,
}

/// Why a queue can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the section redis of the settings")]
pub struct HotKeyQueueError(#[from] AddressError);

impl fmt::Debug for HotKeyQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HotKeyQueue").field(&self.0.as_ref().map(|inner| inner.name)).finish()
    }
}

impl HotKeyQueue {
    /// Queues for the things of the kind `name`, for example `wallet`; [`HotKeyQueue::off`] if the settings switch it off. It must be
    /// called inside of a runtime. Redis is asked at the first use only, so it need not run yet.
    pub fn new(
        name: &'static str,
        redis: &RedisSettings,
        settings: &Settings,
    ) -> Result<Self, HotKeyQueueError> {
        if !settings.enabled {
            return Ok(Self::off());
        }
        Ok(Self(Some(Arc::new(Inner {
            name,
            wait: settings.wait(),
            renew_every: settings.renew_every(),
            remote: Remote::new(redis, settings)?,
            queues: Queues::new(settings.at_once),
        }))))
    }

    /// No queue: nothing waits.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether there is a queue.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether Redis answers. It is for the readiness report, as something that the service can do without.
    pub async fn check(&self) -> Result<(), RedisDown> {
        match &self.0 {
            Some(inner) => inner.remote.ping().await,
            None => Ok(()),
        }
    }

    /// Runs the work when it is its turn: one at a time for each key, except in the cases that the crate's documentation names.
    /// The lock is released in the background, also if this is cancelled.
    pub async fn run<T>(&self, key: impl fmt::Display, work: impl Future<Output = T>) -> T {
        let Some(inner) = &self.0 else { return work.await };
        match inner.turn(&format!("{}:{key}", inner.name)).await {
            Some(turn) => turn.during(inner.renew_every, work).await,
            None => work.await,
        }
    }
}

impl Inner {
    /// Waits for the turn. `None` if it takes too long.
    async fn turn(&self, lock: &str) -> Option<Turn> {
        tracing::debug!(lock, "asked for");
        let asked_at = Instant::now();
        let turn = tokio::time::timeout(self.wait, Turn::wait(&self.queues, &self.remote, lock)).await.ok();
        let waited = asked_at.elapsed();
        let outcome = turn.as_ref().map_or("waited_in_vain", |turn| turn.outcome().as_str());
        metrics::counter!("lock_requests_total", "lock" => self.name, "outcome" => outcome).increment(1);
        metrics::histogram!("lock_wait_seconds", "lock" => self.name).record(waited);
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        if turn.is_none() {
            tracing::warn!(lock, waited_ms, "waited in vain; going on to the database");
        } else if waited >= LONG_WAIT {
            tracing::info!(lock, outcome, waited_ms, "waited long");
        } else {
            tracing::debug!(lock, outcome, waited_ms, "has its turn");
        }
        turn
    }
}
