//! A request's turn: the front of its process's queue, and the lock in Redis.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::lease::{Lease, in_background, keep};
use crate::queue::{Front, Queues};
use crate::remote::{Kept, Remote};

/// How long the front of a queue waits between two questions to Redis; by chance, so that instances do not
/// ask in step.
const POLL_MS: RangeInclusive<u64> = 4..=12;

/// The next one's turn comes when this is dropped.
pub(crate) struct Turn {
    front: Option<Front>,
    how: How,
}

/// How a turn came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Redis gave the lock.
    Taken,
    /// The one before in this process handed the lock on.
    HandedOn,
    /// Redis is down: it is only this process's queue that has come this far.
    WithoutRedis,
}

impl How {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::HandedOn => "handed_on",
            Self::WithoutRedis => "without_redis",
        }
    }
}

impl Turn {
    /// Waits for it, for as long as it takes. Whoever gives up waiting leaves nothing behind.
    pub(crate) async fn wait(queues: &Queues, remote: &Remote, lock: &str) -> Self {
        let front = queues.front_of(lock).await;
        let how = take_over(&front, remote, lock).await;
        Self { front: Some(front), how }
    }

    pub(crate) fn how(&self) -> How {
        self.how
    }

    /// Does the work, and keeps the lock meanwhile.
    pub(crate) async fn during<T>(&self, renew_every: Duration, work: impl Future<Output = T>) -> T {
        let Some(front) = &self.front else { return work.await };
        tokio::select! {
            biased;
            done = work => done,
            never = keep(&front.lease, renew_every) => match never {},
        }
    }
}

/// Sees to it that the front of the queue holds the lock.
async fn take_over(front: &Front, remote: &Remote, lock: &str) -> How {
    let mut place = front.lease.lock().await;
    if let Some(lease) = &mut *place {
        if lease.is_fresh() {
            return How::HandedOn;
        }
        match lease.renew().await {
            Ok(Kept::Renewed) => return How::HandedOn,
            Ok(Kept::Wanted) => {
                // Those beside this one may be at work still: no more than are let through at once.
                release(&mut place).await;
                // Other instances have had their turns with this question unasked: one of them comes first.
                pause(*POLL_MS.end()).await;
            }
            Ok(Kept::Lost) | Err(_) => *place = None,
        }
    }
    loop {
        match Lease::take(remote, lock).await {
            Ok(Some(lease)) => {
                *place = Some(lease);
                return How::Taken;
            }
            Ok(None) => pause(rand::random_range(POLL_MS)).await,
            Err(_) => return How::WithoutRedis,
        }
    }
}

async fn release(place: &mut Option<Lease>) {
    if let Some(lease) = place.take() {
        lease.release().await;
    }
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(front) = self.front.take() else { return };
        if self.how != How::WithoutRedis && !front.has_followers() {
            // In the background: the answer need not wait for it. Whoever joins the queue meanwhile does.
            in_background(async move {
                let mut place = front.lease.lock().await;
                if !front.has_followers() {
                    release(&mut place).await;
                }
            });
        }
    }
}
