//! Who waits in this process, for what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard};

use crate::lease::Lease;

/// A queue for each lock that somebody in this process holds or waits for. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Queues(Arc<Mutex<HashMap<Arc<str>, Queue>>>);

struct Queue {
    /// How many wait, with the one at the front.
    length: usize,
    front: Arc<FairMutex<Option<Lease>>>,
}

/// The front of a queue, with the lease that the one before has handed on. Whoever comes next waits until it
/// is dropped.
pub(crate) struct Front {
    // In the order in which they are to be dropped: who leaves the queue last takes the lease with them.
    pub(crate) lease: OwnedMutexGuard<Option<Lease>>,
    place: Place,
}

/// A place in a queue, from its end to its front. A queue is forgotten with its last place.
struct Place {
    queues: Queues,
    lock: Arc<str>,
}

impl Queues {
    /// Waits in the queue of a lock until this is its front.
    pub(crate) async fn front_of(&self, lock: &str) -> Front {
        let (place, front) = self.join(lock);
        Front { lease: front.lock_owned().await, place }
    }

    fn join(&self, lock: &str) -> (Place, Arc<FairMutex<Option<Lease>>>) {
        let lock: Arc<str> = lock.into();
        let mut queues = self.lock();
        let new = || Queue { length: 0, front: Arc::default() };
        let queue = queues.entry(Arc::clone(&lock)).or_insert_with(new);
        queue.length += 1;
        (Place { queues: self.clone(), lock }, Arc::clone(&queue.front))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front {
    /// Whether somebody stands behind, to hand the lease on to.
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
        let queues = Queues::default();
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
    async fn whoever_gives_up_leaves_the_queue() {
        let queues = Queues::default();
        let first = queues.front_of("one").await;
        let mut second = Box::pin(queues.front_of("one"));
        assert!(futures::poll!(&mut second).is_pending());
        drop(second);
        assert!(!first.has_followers());
        drop(first);
        assert!(queues.lock().is_empty());
    }
}
