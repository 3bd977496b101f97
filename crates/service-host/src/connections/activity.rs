//! What a connection is doing, for whoever looks for one that can be closed.

use std::future::poll_fn;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;

/// The begin of the times in [`Activity`].
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a connection does, in the order in which connections are closed when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It waits for a request, or for what a client sends after its last one.
    Waits = 0,
    /// The head of a request arrives.
    Head = 1,
    /// A request is answered. Such a connection is not closed.
    Request = 2,
}

/// The bits of [`Activity::state`] that say what the connection does. The others say since when, in nanoseconds.
const DOING_BITS: u32 = 2;

/// See the module. A connection notes what it does with each request, so it only stores a number.
#[derive(Debug)]
pub(super) struct Activity {
    state: AtomicU64,
    /// Whether the connection is to end, to make room for another one.
    is_given_up: AtomicBool,
    waker: AtomicWaker,
}

impl Activity {
    /// A connection that has sent nothing yet.
    pub(super) fn new() -> Self {
        let this =
            Self { state: AtomicU64::new(0), is_given_up: AtomicBool::new(false), waker: AtomicWaker::new() };
        this.note(Doing::Waits);
        this
    }

    /// Nothing is left to do for the client.
    pub(super) fn waits(&self) {
        self.note(Doing::Waits);
    }

    /// The client has begun to send a request.
    pub(super) fn head_begins(&self) {
        self.note(Doing::Head);
    }

    /// The head of a request has arrived.
    pub(super) fn request_begins(&self) {
        // The time does not matter.
        self.state.store(Doing::Request as u64, Ordering::Release);
    }

    /// For how long the connection has waited for a request. `None` if it does not.
    pub(super) fn waits_for(&self) -> Option<Duration> {
        let (doing, since) = parts(self.state.load(Ordering::Acquire));
        (doing == Doing::Waits as u64).then(|| Duration::from_nanos(now().saturating_sub(since)))
    }

    /// Whether a request is answered.
    pub(super) fn has_request(&self) -> bool {
        parts(self.state.load(Ordering::Acquire)).0 == Doing::Request as u64
    }

    /// The connection with the smallest rank is closed first: those that wait, and then those whose head arrives, each by age.
    /// `None` for a connection that is not closed.
    pub(super) fn rank(&self) -> Option<(u64, u64)> {
        let rank = parts(self.state.load(Ordering::Acquire));
        (rank.0 != Doing::Request as u64 && !self.is_given_up()).then_some(rank)
    }

    /// Tells the connection to end.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether the connection is to end.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Acquire)
    }

    /// Whether the connection ends now, to make room.
    pub(super) fn is_ending(&self) -> bool {
        self.is_given_up() && !self.has_request()
    }

    /// Waits until the connection is to end. Only the task of the connection may wait.
    pub(super) async fn given_up(&self) {
        poll_fn(|context| {
            self.watch(context);
            if self.is_given_up() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// From now on the end of the connection wakes this task.
    pub(super) fn watch(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    fn note(&self, doing: Doing) {
        self.state.store(now() << DOING_BITS | doing as u64, Ordering::Release);
    }
}

fn parts(state: u64) -> (u64, u64) {
    (state & ((1 << DOING_BITS) - 1), state >> DOING_BITS)
}

fn now() -> u64 {
    u64::try_from(BEGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_waited_longest_is_closed_first_and_one_with_a_request_never() {
        let connections: [Activity; 4] = std::array::from_fn(|_| Activity::new());
        let [head, request, waits, given_up] = &connections;
        head.head_begins();
        request.request_begins();
        given_up.give_up();
        assert!(waits.rank().unwrap() < head.rank().unwrap());
        assert_eq!((request.rank(), given_up.rank()), (None, None));
        let before = waits.rank().unwrap();
        std::thread::sleep(Duration::from_millis(1));
        waits.waits();
        assert!(before < waits.rank().unwrap() && waits.rank().unwrap() < head.rank().unwrap());
    }
}
