//! A lock that Redis has given to this process for a while.

use std::convert::Infallible;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::queue::SharedLease;
use crate::remote::{Kept, RedisDown, Remote};

/// How long a lease is handed on without a look at Redis: whether it still is one, and whether others want
/// it.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

/// The lock is held until this is released or dropped.
pub(crate) struct Lease {
    remote: Remote,
    lock: String,
    token: String,
    renewed_at: Instant,
    /// Whether Redis may think that this holds the lock.
    is_held: bool,
}

impl Lease {
    /// Takes a lock; `None` where somebody else holds it.
    pub(crate) async fn take(remote: &Remote, lock: &str) -> Result<Option<Self>, RedisDown> {
        let mut lease = Self {
            remote: remote.clone(),
            lock: lock.to_owned(),
            token: Uuid::new_v4().simple().to_string(),
            renewed_at: Instant::now(),
            // Before it is asked for: whoever gives up waiting for the answer, which drops this, may have
            // been given it.
            is_held: true,
        };
        let answer = remote.take(lock, &lease.token).await;
        lease.is_held = matches!(answer, Ok(true) | Err(RedisDown::Failed(_)));
        Ok(answer?.then_some(lease))
    }

    /// Whether this is a lease for certain, that nobody can have waited long for.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_held && self.renewed_at.elapsed() < TRUSTED_FOR
    }

    /// Begins the lease anew.
    pub(crate) async fn renew(&mut self) -> Result<Kept, RedisDown> {
        let asked_at = Instant::now();
        let kept = self.remote.renew(&self.lock, &self.token).await?;
        self.is_held = kept != Kept::Lost;
        self.renewed_at = asked_at;
        Ok(kept)
    }

    /// Gives the lock back, where it still is this one's.
    pub(crate) async fn release(mut self) {
        if self.is_held {
            give_back(&self.remote, &self.lock, &self.token).await;
            self.is_held = false;
        }
    }
}

/// Renews a lease for as long as it is asked to, or there is one.
pub(crate) async fn keep(shared: &SharedLease, renew_every: Duration) -> Infallible {
    loop {
        tokio::time::sleep(renew_every).await;
        let mut place = shared.lock().await;
        let Some(lease) = &mut *place else { break };
        if let Ok(Kept::Lost) = lease.renew().await {
            metrics::counter!("lock_leases_lost_total").increment(1);
            tracing::warn!(
                lock = lease.lock,
                "the lease ran out before the work was done, which goes on without it"
            );
            *place = None;
            break;
        }
    }
    std::future::pending().await
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_held {
            let (remote, lock, token) = (self.remote.clone(), self.lock.clone(), self.token.clone());
            in_background(async move { give_back(&remote, &lock, &token).await });
        }
    }
}

async fn give_back(remote: &Remote, lock: &str, token: &str) {
    match remote.release(lock, token).await {
        Ok(true) => tracing::debug!(lock, "released"),
        Ok(false) => tracing::debug!(lock, "not released, for it was not held any more"),
        // The lease runs out by itself.
        Err(error) => tracing::debug!(lock, %error, "not released"),
    }
}

/// Does what nobody waits for, in the trace of whoever gave rise to it. Left undone where the process ends.
pub(crate) fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(work.in_current_span());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{RedisSettings, Settings};

    /// Longer than the short lease, and shorter than the one for ever.
    const PATIENCE: Duration = Duration::from_secs(20);
    const SHORT_MS: u64 = 500;
    const FOREVER_MS: u64 = 600_000;

    fn redis(lease_ms: u64) -> Remote {
        let url =
            std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`");
        let settings = Settings { lease_ms, redis_timeout_ms: 10_000, ..Settings::default() };
        Remote::new(&RedisSettings { url }, &settings).unwrap()
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
        tokio::time::timeout(PATIENCE, asking).await.expect("somebody holds the lock who should not")
    }

    #[tokio::test]
    async fn a_lock_has_one_holder_who_hears_that_others_want_it() {
        let (redis, lock) = (redis(FOREVER_MS), new_lock());
        let mut lease = taken(&redis, &lock).await;
        assert_eq!(lease.renew().await.unwrap(), Kept::Renewed);
        assert!(Lease::take(&redis, &lock).await.unwrap().is_none());
        assert_eq!(lease.renew().await.unwrap(), Kept::Wanted);
        lease.release().await;
        assert!(Lease::take(&redis, &lock).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn fault_03_a_holder_whose_lease_has_run_out_does_not_release_its_successor() {
        let (redis, lock) = (redis(FOREVER_MS), new_lock());
        let mut paused = taken(&self::redis(SHORT_MS), &lock).await;
        // It stands still: nobody renews its lease, and the next one gets the lock.
        let mut next = taken(&redis, &lock).await;
        assert_eq!(paused.renew().await.unwrap(), Kept::Lost);
        assert!(!paused.is_fresh());
        assert!(!redis.release(&lock, &paused.token).await.unwrap());
        assert_ne!(next.renew().await.unwrap(), Kept::Lost);
    }

    #[tokio::test]
    async fn a_lease_that_is_dropped_is_released() {
        let (redis, lock) = (redis(FOREVER_MS), new_lock());
        drop(taken(&redis, &lock).await);
        drop(taken(&redis, &lock).await);
    }

    #[tokio::test]
    async fn whoever_gives_up_asking_holds_nothing() {
        let (redis, lock) = (redis(FOREVER_MS), new_lock());
        // So that the first question needs no connection.
        taken(&redis, &lock).await.release().await;
        for steps in 0..20 {
            // Asked, and not heard any more, at whatever step the question or its answer is.
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
