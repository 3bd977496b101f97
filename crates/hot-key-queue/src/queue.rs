//! The queues of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lease::SharedLease;

/// A queue for each lock that a request of this process holds or waits for. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queues {
    by_lock: Arc<Mutex<HashMap<Arc<str>, Queue>>>,
    at_once: usize,
}

struct Queue {
    /// How many requests are in it, those at the front included.
    length: usize,
    turns: Arc<Semaphore>,
    lease: SharedLease,
}

/// A request at the front of a queue, with the lease that those before it have handed on. The next request waits until this is
/// dropped.
pub(crate) struct Front {
    // The fields are dropped in this order, so that the last request that leaves the queue drops the lease.
    pub(crate) lease: SharedLease,
    _turn: Option<OwnedSemaphorePermit>,
    entry: Entry,
}

/// A request in a queue. A queue is removed with its last request.
struct Entry {
    queues: Queues,
    lock: Arc<str>,
}

impl Queues {
    /// Queues that have `at_once` requests at their front.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { by_lock: Arc::default(), at_once }
    }

    /// Waits in the queue of a lock until this request is at its front.
    pub(crate) async fn front_of(&self, lock: &str) -> Front {
        let (entry, turns, lease) = self.join(lock);
        // The semaphore is never closed.
        Front { lease, _turn: turns.acquire_owned().await.ok(), entry }
    }

    fn join(&self, lock: &str) -> (Entry, Arc<Semaphore>, SharedLease) {
        let lock: Arc<str> = lock.into();
        let mut queues = self.lock();
        let turns = || Arc::new(Semaphore::new(self.at_once));
        let new = || Queue { length: 0, turns: turns(), lease: Arc::default() };
        let queue = queues.entry(Arc::clone(&lock)).or_insert_with(new);
        queue.length += 1;
        let (turns, lease) = (Arc::clone(&queue.turns), Arc::clone(&queue.lease));
        (Entry { queues: self.clone(), lock }, turns, lease)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.by_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front {
    /// Whether another request is in the queue, to which the lease can be handed on.
    pub(crate) fn has_followers(&self) -> bool {
        self.entry.queues.lock().get(&self.entry.lock).is_some_and(|queue| queue.length > 1)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(&self.lock) else { return };
        queue.length -= 1;
        let removed = if queue.length == 0 { queues.remove(&self.lock) } else { None };
        // Dropping the queue may release its lease. The other queues need not wait for that.
        drop(queues);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_is_first_come_first_served_and_removed_when_it_is_empty() {
        let queues = Queues::new(1);
        let first = queues.front_of("one").await;
        assert!(!first.has_followers());
        let mut second = Box::pin(queues.front_of("one"));
        let mut third = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut third).is_pending());
        assert!(first.has_followers());
        // Another lock has its own queue.
        drop(queues.front_of("other").await);

        drop(first);
        assert!(futures::poll!(&mut third).is_pending());
        drop(second.await);
        let third = third.await;
        assert!(!third.has_followers());
        drop(third);
        assert!(queues.lock().is_empty());
    }

    #[tokio::test]
    async fn as_many_are_at_the_front_as_may_run_at_once() {
        let queues = Queues::new(2);
        let (first, second) = (queues.front_of("one").await, queues.front_of("one").await);
        let mut third = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut third).is_pending());
        assert!(Arc::ptr_eq(&first.lease, &second.lease), "they share one lease");
        drop(first);
        assert!(futures::poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn a_request_that_is_cancelled_leaves_the_queue() {
        let queues = Queues::new(1);
        let first = queues.front_of("one").await;
        let mut second = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut second).is_pending());
        drop(second);
        assert!(!first.has_followers());
        drop(first);
        assert!(queues.lock().is_empty());
    }
}
