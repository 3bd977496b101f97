//! The turn of a request: it is at the front of its process's queue, and its process has the lock in Redis.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::lease::{Lease, in_background, keep_renewed};
use crate::queue::{Front, Queues};
use crate::remote::{Remote, Renewal};

/// How long the front of a queue waits before it asks Redis again. It is random, so that instances do not ask at the same time.
const POLL_MS: RangeInclusive<u64> = 4..=12;

/// When this is dropped, it is the turn of the next request.
pub(crate) struct Turn {
    front: Option<Front>,
    outcome: Outcome,
}

/// How a request got its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Redis gave the lock.
    Taken,
    /// The request before it in this process handed the lock on.
    HandedOn,
    /// Redis is down: the request is only at the front of its process's queue.
    WithoutRedis,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::HandedOn => "handed_on",
            Self::WithoutRedis => "without_redis",
        }
    }
}

impl Turn {
    /// Waits for the turn, without a limit. A caller that is dropped leaves nothing behind.
    pub(crate) async fn wait(queues: &Queues, remote: &Remote, lock: &str) -> Self {
        let front = queues.front_of(lock).await;
        let outcome = obtain_lock(&front, remote, lock).await;
        Self { front: Some(front), outcome }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Runs the work, and renews the lease meanwhile.
    pub(crate) async fn during<T>(&self, renew_every: Duration, work: impl Future<Output = T>) -> T {
        let Some(front) = &self.front else { return work.await };
        tokio::select! {
            biased;
            done = work => done,
            never = keep_renewed(&front.lease, renew_every) => match never {},
        }
    }
}

/// Waits until the process of this request has the lock.
async fn obtain_lock(front: &Front, remote: &Remote, lock: &str) -> Outcome {
    let mut current = front.lease.lock().await;
    if let Some(lease) = &mut *current {
        if lease.is_fresh() {
            return Outcome::HandedOn;
        }
        match lease.renew().await {
            Ok(Renewal::Renewed) => return Outcome::HandedOn,
            Ok(Renewal::Wanted) => {
                // Other requests at the front may still run; there are never more of them than `at-once`.
                release(&mut current).await;
                // Other instances wait for the lock, so one of them gets it first.
                pause(*POLL_MS.end()).await;
            }
            Ok(Renewal::Lost) | Err(_) => *current = None,
        }
    }
    loop {
        match Lease::take(remote, lock).await {
            Ok(Some(lease)) => {
                *current = Some(lease);
                return Outcome::Taken;
            }
            Ok(None) => pause(rand::random_range(POLL_MS)).await,
            Err(_) => return Outcome::WithoutRedis,
        }
    }
}

async fn release(current: &mut Option<Lease>) {
    if let Some(lease) = current.take() {
        lease.release().await;
    }
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(front) = self.front.take() else { return };
        if self.outcome != Outcome::WithoutRedis && !front.has_followers() {
            // The answer does not wait for the release. A request that joins the queue meanwhile does.
            in_background(async move {
                let mut current = front.lease.lock().await;
                if !front.has_followers() {
                    release(&mut current).await;
                }
            });
        }
    }
}
