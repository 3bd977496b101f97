//! Decides which request hashes a password next. Each kind of request has a queue of limited length. The kinds take turns, so that
//! many requests of one kind do not delay the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::{EnumCount, IntoStaticStr};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What a password is hashed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HashKind {
    /// Somebody signs in.
    SignIn,
    /// Somebody signs up.
    SignUp,
    /// A member changes the password.
    PasswordChange,
}

/// The queue of the kind is full, or its requests have waited for too long.
#[derive(Debug)]
pub(super) struct QueueFull;

/// The queues before a number of permits.
#[derive(Debug)]
pub(super) struct HashQueue {
    /// How many may wait, by kind.
    lengths: [usize; HashKind::COUNT],
    longest_wait: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: [VecDeque<oneshot::Sender<Permit>>; HashKind::COUNT],
    /// The kind that got the last permit.
    last: usize,
}

/// The right to hash until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<HashQueue>);

impl HashQueue {
    pub(super) fn new(permits: usize, lengths: [usize; HashKind::COUNT], longest_wait: Duration) -> Self {
        let state = State { free: permits, waiting: Default::default(), last: 0 };
        Self { lengths, longest_wait, state: Mutex::new(state) }
    }

    /// Waits for a permit. Also returns whether the caller had to wait. A caller that is dropped leaves the queue at once.
    pub(super) async fn enter(self: &Arc<Self>, kind: HashKind) -> Result<(Permit, bool), QueueFull> {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok((Permit(Arc::clone(self)), false));
            }
            let waiting = &mut state.waiting[kind as usize];
            waiting.retain(|waiter| !waiter.is_closed());
            if waiting.len() >= self.lengths[kind as usize] {
                return Err(QueueFull);
            }
            let (waiter, turn) = oneshot::channel();
            waiting.push_back(waiter);
            turn
        };
        match timeout(self.longest_wait, turn).await {
            Ok(Ok(permit)) => Ok((permit, true)),
            Ok(Err(_)) | Err(_) => Err(QueueFull),
        }
    }

    /// How many permits nobody has.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.state().free
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.iter().flatten().filter(|waiter| !waiter.is_closed()).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first in the queue of the next kind.
    fn next_waiter(&mut self) -> Option<oneshot::Sender<Permit>> {
        let after_last = (1..=HashKind::COUNT).map(|step| (self.last + step) % HashKind::COUNT);
        for kind in after_last {
            while let Some(waiter) = self.waiting[kind].pop_front() {
                if !waiter.is_closed() {
                    self.last = kind;
                    return Some(waiter);
                }
            }
        }
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let waiter = {
            let mut state = self.0.state();
            let waiter = state.next_waiter();
            if waiter.is_none() {
                state.free += 1;
            }
            waiter
        };
        if let Some(waiter) = waiter {
            // If the waiter has just left, the permit comes back and is dropped, which gives it to the next one.
            let _ = waiter.send(Self(Arc::clone(&self.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn queue(permits: usize) -> Arc<HashQueue> {
        Arc::new(HashQueue::new(permits, [2, 2, 1], WAIT))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_refused_at_once_if_its_queue_is_full_and_other_kinds_are_not() {
        let queue = queue(1);
        let (permit, waited) = queue.enter(HashKind::SignUp).await.unwrap();
        assert!(!waited);
        let mut first = Box::pin(queue.enter(HashKind::SignUp));
        let mut second = Box::pin(queue.enter(HashKind::SignUp));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        assert!(queue.enter(HashKind::SignUp).await.is_err());
        let mut sign_in = Box::pin(queue.enter(HashKind::SignIn));
        assert!(poll!(&mut sign_in).is_pending());
        drop(permit);
        // Kinds take turns: the sign-in came last, and does not wait for both sign-ups.
        let (first_permit, waited) = first.await.unwrap();
        assert!(waited);
        drop(first_permit);
        let sign_in = sign_in.await.unwrap().0;
        assert!(poll!(&mut second).is_pending());
        drop(sign_in);
        drop(second.await.unwrap());
        assert_eq!(queue.free(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_leaves_the_queue() {
        let queue = queue(1);
        let (permit, _) = queue.enter(HashKind::PasswordChange).await.unwrap();
        for _ in 0..10 {
            let mut given_up = Box::pin(queue.enter(HashKind::PasswordChange));
            assert!(poll!(&mut given_up).is_pending());
        }
        let mut patient = Box::pin(queue.enter(HashKind::PasswordChange));
        assert!(poll!(&mut patient).is_pending());
        drop(permit);
        drop(patient.await.unwrap());
        assert_eq!(queue.free(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_arrives_when_its_waiter_has_gone_goes_to_the_next() {
        let queue = queue(1);
        let (permit, _) = queue.enter(HashKind::SignIn).await.unwrap();
        let mut gone = Box::pin(queue.enter(HashKind::SignIn));
        let mut next = Box::pin(queue.enter(HashKind::SignIn));
        assert!(poll!(&mut gone).is_pending() && poll!(&mut next).is_pending());
        drop(permit);
        // The permit is in its hands, and it never looks.
        drop(gone);
        drop(next.await.unwrap());
        assert_eq!(queue.free(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_allowed() {
        let queue = queue(1);
        let (permit, _) = queue.enter(HashKind::SignIn).await.unwrap();
        assert!(queue.enter(HashKind::SignIn).await.is_err());
        drop(permit);
        assert_eq!(queue.free(), 1);
    }
}
