//! Who waits in this process, for what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as FairMutex, OwnedSemaphorePermit, Semaphore};

use crate::lease::Lease;

/// The lease of a lock, where this process has one.
pub(crate) type SharedLease = Arc<FairMutex<Option<Lease>>>;

/// A queue for each lock that somebody in this process holds or waits for. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queues {
    by_lock: Arc<Mutex<HashMap<Arc<str>, Queue>>>,
    at_once: usize,
}

struct Queue {
    /// How many wait, with those at the front.
    length: usize,
    turns: Arc<Semaphore>,
    lease: SharedLease,
}

/// A place at the front of a queue, with the lease that those before have handed on. Whoever comes next waits until it
/// is dropped.
pub(crate) struct Front {
    // In the order in which they are to be dropped: who leaves the queue last takes the lease with them.
    pub(crate) lease: SharedLease,
    _turn: Option<OwnedSemaphorePermit>,
    place: Place,
}

/// A place in a queue, from its end to its front. A queue is forgotten with its last place.
struct Place {
    queues: Queues,
    lock: Arc<str>,
}

impl Queues {
    /// So many stand at the front of each.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { by_lock: Arc::default(), at_once }
    }

    /// Waits in the queue of a lock until this is at its front.
    pub(crate) async fn front_of(&self, lock: &str) -> Front {
        let (place, turns, lease) = self.join(lock);
        // The semaphore is never closed.
        Front { lease, _turn: turns.acquire_owned().await.ok(), place }
    }

    fn join(&self, lock: &str) -> (Place, Arc<Semaphore>, SharedLease) {
        let lock: Arc<str> = lock.into();
        let mut queues = self.lock();
        let turns = || Arc::new(Semaphore::new(self.at_once));
        let new = || Queue { length: 0, turns: turns(), lease: Arc::default() };
        let queue = queues.entry(Arc::clone(&lock)).or_insert_with(new);
        queue.length += 1;
        let (turns, lease) = (Arc::clone(&queue.turns), Arc::clone(&queue.lease));
        (Place { queues: self.clone(), lock }, turns, lease)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.by_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front {
    /// Whether somebody stands beside or behind, to hand the lease on to.
    pub(crate) fn has_followers(&self) -> bool {
        self.place.queues.lock().get(&self.place.lock).is_some_and(|queue| queue.length > 1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(&self.lock) else { return };
        queue.length -= 1;
        let forgotten = if queue.length == 0 { queues.remove(&self.lock) } else { None };
        // A lease that nobody was left for is released, and no need for others to wait for that here.
        drop(queues);
        drop(forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_is_first_come_first_served_and_forgotten_when_it_is_empty() {
        let queues = Queues::new(1);
        let first = queues.front_of("one").await;
        assert!(!first.has_followers());
        let mut second = Box::pin(queues.front_of("one"));
        let mut third = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut third).is_pending());
        assert!(first.has_followers());
        // Another lock has a queue of its own.
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
    async fn so_many_stand_at_the_front_as_are_let_through_at_once() {
        let queues = Queues::new(2);
        let (first, second) = (queues.front_of("one").await, queues.front_of("one").await);
        let mut third = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut third).is_pending());
        assert!(Arc::ptr_eq(&first.lease, &second.lease), "they share one lease");
        drop(first);
        assert!(futures::poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_the_queue() {
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
