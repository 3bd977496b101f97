//! The lease of a lock: Redis has given the lock to this process for a time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex as FairMutex;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::remote::{RedisDown, Remote, Renewal};

/// How long a lease is handed on without asking Redis. After that, Redis must say whether the lease still holds, and whether other
/// instances want it.
const FRESH_FOR: Duration = Duration::from_millis(100);

/// The lease of a lock; `None` while this process has none.
pub(crate) type SharedLease = Arc<FairMutex<Option<Lease>>>;

/// The lock is held until this is released or dropped.
pub(crate) struct Lease {
    remote: Remote,
    lock: String,
    token: String,
    renewed_at: Instant,
    /// Whether Redis may have stored this as the holder of the lock.
    is_held: bool,
}

impl Lease {
    /// Takes a lock. `None` if another process holds it.
    pub(crate) async fn take(remote: &Remote, lock: &str) -> Result<Option<Self>, RedisDown> {
        let mut lease = Self {
            remote: remote.clone(),
            lock: lock.to_owned(),
            token: Uuid::new_v4().simple().to_string(),
            renewed_at: Instant::now(),
            // It is set before Redis is asked: if the caller is cancelled, which drops this, Redis may have given the lock.
            is_held: true,
        };
        let answer = remote.take(lock, &lease.token).await;
        lease.is_held = matches!(answer, Ok(true) | Err(RedisDown::Failed(_)));
        Ok(answer?.then_some(lease))
    }

    /// Whether it certainly holds, and no other instance can have waited long for it.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_held && self.renewed_at.elapsed() < FRESH_FOR
    }

    /// Renews the lease for its full time.
    pub(crate) async fn renew(&mut self) -> Result<Renewal, RedisDown> {
        let asked_at = Instant::now();
        let renewal = self.remote.renew(&self.lock, &self.token).await?;
        self.is_held = renewal != Renewal::Lost;
        self.renewed_at = asked_at;
        Ok(renewal)
    }

    /// Releases the lock, if this lease still holds it.
    pub(crate) async fn release(mut self) {
        if self.is_held {
            release_now(&self.remote, &self.lock, &self.token).await;
            self.is_held = false;
        }
    }
}

/// Renews a lease again and again. Never returns.
pub(crate) async fn keep_renewed(shared: &SharedLease, renew_every: Duration) -> Infallible {
    loop {
        tokio::time::sleep(renew_every).await;
        let mut current = shared.lock().await;
        let Some(lease) = &mut *current else { break };
        if let Ok(Renewal::Lost) = lease.renew().await {
            metrics::counter!("lock_leases_lost_total").increment(1);
            tracing::warn!(
                lock = lease.lock,
                "the lease ran out before the work was done; the work goes on without it"
            );
            *current = None;
            break;
        }
    }
    std::future::pending().await
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_held {
            let (remote, lock, token) = (self.remote.clone(), self.lock.clone(), self.token.clone());
            in_background(async move { release_now(&remote, &lock, &token).await });
        }
    }
}

async fn release_now(remote: &Remote, lock: &str, token: &str) {
    match remote.release(lock, token).await {
        Ok(true) => tracing::debug!(lock, "released"),
        Ok(false) => tracing::debug!(lock, "not released, because it was not held any more"),
        // The lease runs out by itself.
        Err(error) => tracing::debug!(lock, %error, "not released"),
    }
}

/// Runs work in the background, in the trace of its caller. It is dropped if the process ends.
pub(crate) fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(work.in_current_span());
    }
}

#[cfg(test)]
mod tests {
    use redis_connection::RedisSettings;

    use super::*;
    use crate::settings::Settings;

    /// Longer than the short lease, and shorter than the long one.
    const TIMEOUT: Duration = Duration::from_secs(20);
    const SHORT_MS: u64 = 500;
    const LONG_MS: u64 = 600_000;

    fn redis(lease_ms: u64) -> Remote {
        let url =
            std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`");
        let settings = Settings { lease_ms, redis_timeout_ms: 10_000, ..Settings::default() };
        Remote::new(&RedisSettings::at(url), &settings).unwrap()
    }

    fn new_lock() -> String {
        format!("test:{}", Uuid::new_v4())
    }

    async fn taken(remote: &Remote, lock: &str) -> Lease {
        let asking = async {
            loop {
                if let Some(lease) = Lease::take(remote, lock).await.unwrap() {
                    return lease;
                }
            }
        };
        tokio::time::timeout(TIMEOUT, asking).await.expect("the lock is held although it should be free")
    }

    #[tokio::test]
    async fn a_lock_has_one_holder_which_is_told_that_others_want_it() {
        let (redis, lock) = (redis(LONG_MS), new_lock());
        let mut lease = taken(&redis, &lock).await;
        assert_eq!(lease.renew().await.unwrap(), Renewal::Renewed);
        assert!(Lease::take(&redis, &lock).await.unwrap().is_none());
        assert_eq!(lease.renew().await.unwrap(), Renewal::Wanted);
        lease.release().await;
        assert!(Lease::take(&redis, &lock).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn fault_03_a_holder_whose_lease_has_run_out_does_not_release_its_successor() {
        let (redis, lock) = (redis(LONG_MS), new_lock());
        let mut paused = taken(&self::redis(SHORT_MS), &lock).await;
        // Nobody renews its lease, as if its process hung, and another holder gets the lock.
        let mut next = taken(&redis, &lock).await;
        assert_eq!(paused.renew().await.unwrap(), Renewal::Lost);
        assert!(!paused.is_fresh());
        assert!(!redis.release(&lock, &paused.token).await.unwrap());
        assert_ne!(next.renew().await.unwrap(), Renewal::Lost);
    }

    #[tokio::test]
    async fn a_lease_that_is_dropped_is_released() {
        let (redis, lock) = (redis(LONG_MS), new_lock());
        drop(taken(&redis, &lock).await);
        drop(taken(&redis, &lock).await);
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_while_it_asks_holds_nothing() {
        let (redis, lock) = (redis(LONG_MS), new_lock());
        // The connection is open before the loop.
        taken(&redis, &lock).await.release().await;
        for steps in 0..20 {
            // The question is dropped after another number of steps each time.
            let mut asking = Box::pin(Lease::take(&redis, &lock));
            assert!(futures::poll!(&mut asking).is_pending());
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            drop(asking);
            taken(&redis, &lock).await.release().await;
        }
    }
}
