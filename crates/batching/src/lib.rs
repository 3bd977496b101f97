//! Doing together what many ask for at the same time.
//!
//! Whoever asks while nothing is at work is served at once, in its own task: a quiet service does nothing here that it would
//! not do without. Whoever asks while enough is at work waits, and when some of that is done, all who wait by then are served
//! together: one statement for many rows, one commit for many transfers, one answer for many who ask the same. So the work
//! for each becomes less just where there is more of it. It is what databases call group commit, and GraphQL servers a data
//! loader.
//!
//! A batch begins after all of its items were asked for. So whatever was true before somebody asked, also what it has
//! just written itself, is seen by the batch that answers it; nobody joins work that is under way.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

/// Work that can be done for many at once.
pub trait Work: Send + Sync + 'static {
    /// What can be done together has the same one.
    type Group: Clone + Eq + Hash + Send + Sync;
    /// What is asked for.
    type Item: Send;
    /// What becomes of it.
    type Outcome: Send;

    /// What the metrics call it: `batches_waiting{work}` is how many wait just now, and `batch_size{work}` how many of those
    /// who had to wait were served together.
    const NAME: &'static str;

    /// How many batches of a group are at work at once.
    const AT_ONCE: usize;

    /// How many of those who wait go into the next batch: one of them at least.
    fn size(waiting: usize) -> usize {
        waiting
    }

    /// Does it: gives an outcome for each item, in their order.
    fn run(
        &self,
        group: &Self::Group,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Vec<Self::Outcome>> + Send;
}

/// Puts what is asked for into batches. Cheap to clone.
pub struct Batcher<W: Work>(Arc<Inner<W>>);

struct Inner<W: Work> {
    work: W,
    groups: Mutex<HashMap<W::Group, Group<W>>>,
}

/// A group of which something is at work.
struct Group<W: Work> {
    at_work: usize,
    waiting: VecDeque<Waiting<W>>,
}

struct Waiting<W: Work> {
    item: W::Item,
    done: oneshot::Sender<W::Outcome>,
    span: Span,
}

/// The work came to no end: it panicked, or the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work that this was a part of has broken off")]
pub struct BrokenOff;

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Work> fmt::Debug for Batcher<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Batcher").field(&W::NAME).finish()
    }
}

impl<W: Work> Batcher<W> {
    /// With nobody waiting.
    pub fn new(work: W) -> Self {
        Self(Arc::new(Inner { work, groups: Mutex::default() }))
    }

    /// Has an item done. Where the caller goes away, what it asked for may be done or not.
    pub async fn ask(&self, group: W::Group, item: W::Item) -> Result<W::Outcome, BrokenOff> {
        let waiting = match self.join(group, item) {
            Joined::AtWork(place, item) => {
                let outcomes = self.0.work.run(&place.group, vec![item]).await;
                return outcomes.into_iter().next().ok_or(BrokenOff);
            }
            Joined::Waiting(waiting) => waiting,
        };
        waiting.await.map_err(|_| BrokenOff)
    }

    /// How many wait in all groups.
    pub fn waiting(&self) -> usize {
        self.0.lock().values().map(|group| group.waiting.len()).sum()
    }

    fn join(&self, group: W::Group, item: W::Item) -> Joined<W> {
        let mut groups = self.0.lock();
        let there =
            groups.entry(group.clone()).or_insert_with(|| Group { at_work: 0, waiting: VecDeque::new() });
        if there.at_work < W::AT_ONCE {
            there.at_work += 1;
            return Joined::AtWork(Place { inner: Arc::clone(&self.0), group }, item);
        }
        let (done, outcome) = oneshot::channel();
        metrics::gauge!("batches_waiting", "work" => W::NAME).increment(1);
        there.waiting.push_back(Waiting { item, done, span: Span::current() });
        Joined::Waiting(outcome)
    }
}

enum Joined<W: Work> {
    AtWork(Place<W>, W::Item),
    Waiting(oneshot::Receiver<W::Outcome>),
}

/// The right to be at work for a group. Where others wait when it is dropped, it goes on to them, in a task of its own.
struct Place<W: Work> {
    inner: Arc<Inner<W>>,
    group: W::Group,
}

impl<W: Work> Inner<W> {
    fn lock(&self) -> MutexGuard<'_, HashMap<W::Group, Group<W>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of a group; where nobody waits, there is one less at work.
    fn next(&self, group: &W::Group) -> Option<Vec<Waiting<W>>> {
        let mut groups = self.lock();
        let there = groups.get_mut(group)?;
        if there.waiting.is_empty() {
            there.at_work -= 1;
            if there.at_work == 0 {
                groups.remove(group);
            }
            return None;
        }
        let size = W::size(there.waiting.len()).clamp(1, there.waiting.len());
        let batch: Vec<_> = there.waiting.drain(..size).collect();
        drop(groups);
        let size = f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        metrics::gauge!("batches_waiting", "work" => W::NAME).decrement(size);
        metrics::histogram!("batch_size", "work" => W::NAME).record(size);
        Some(batch)
    }

    async fn serve(&self, group: &W::Group, batch: Vec<Waiting<W>>) {
        // Which stands for all: a span has one parent.
        let span = batch.first().map_or_else(Span::none, |first| first.span.clone());
        let (items, done): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.item, waiting.done)).unzip();
        // A panic has been reported by then. Those of this batch hear of it by the end of their channels.
        let outcomes = AssertUnwindSafe(self.work.run(group, items).instrument(span)).catch_unwind().await;
        for (done, outcome) in done.into_iter().zip(outcomes.unwrap_or_default()) {
            // Who has gone does not hear of it.
            drop(done.send(outcome));
        }
    }
}

impl<W: Work> Drop for Place<W> {
    fn drop(&mut self) {
        let Some(first) = self.inner.next(&self.group) else { return };
        let (inner, group) = (Arc::clone(&self.inner), self.group.clone());
        let serving = async move {
            let mut batch = Some(first);
            while let Some(next) = batch {
                inner.serve(&group, next).await;
                batch = inner.next(&group);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(serving)),
            // Nobody can be waiting where there is no runtime.
            Err(_) => drop(serving),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    /// Doubles numbers, a batch for each permit, and keeps the batches in mind.
    struct Doubling {
        permits: Semaphore,
        batches: Mutex<Vec<(char, Vec<u32>)>>,
        at_work: AtomicUsize,
    }

    impl Work for Arc<Doubling> {
        type Group = char;
        type Item = u32;
        type Outcome = u32;
        const NAME: &'static str = "doubling";
        const AT_ONCE: usize = 1;

        fn size(waiting: usize) -> usize {
            waiting.min(3)
        }

        async fn run(&self, group: &char, items: Vec<u32>) -> Vec<u32> {
            self.batches.lock().unwrap().push((*group, items.clone()));
            self.at_work.fetch_add(1, Ordering::SeqCst);
            self.permits.acquire().await.unwrap().forget();
            self.at_work.fetch_sub(1, Ordering::SeqCst);
            assert!(!items.contains(&13), "thirteen");
            items.into_iter().map(|item| item * 2).collect()
        }
    }

    struct Asked {
        doubling: Arc<Doubling>,
        batcher: Batcher<Arc<Doubling>>,
    }

    impl Asked {
        fn new() -> Self {
            let doubling = Doubling {
                permits: Semaphore::new(0),
                batches: Mutex::default(),
                at_work: AtomicUsize::default(),
            };
            let doubling = Arc::new(doubling);
            Self { batcher: Batcher::new(Arc::clone(&doubling)), doubling }
        }

        /// Asks, and returns when the question is at work or waits.
        async fn ask(&self, group: char, item: u32) -> JoinHandle<Result<u32, BrokenOff>> {
            let batcher = self.batcher.clone();
            let asking = tokio::spawn(async move { batcher.ask(group, item).await });
            tokio::task::yield_now().await;
            asking
        }

        fn let_pass(&self, batches: usize) {
            self.doubling.permits.add_permits(batches);
        }

        fn batches(&self) -> Vec<(char, Vec<u32>)> {
            self.doubling.batches.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn who_comes_while_others_are_served_is_served_with_those_who_come_then() {
        let asked = Asked::new();
        let mut asking = Vec::new();
        for item in 1..=6 {
            asking.push(asked.ask('a', item).await);
        }
        assert_eq!(asked.batcher.waiting(), 5);
        assert_eq!(asked.batches(), [('a', vec![1])], "the first one waits for nobody");
        asked.let_pass(3);
        for (asking, item) in asking.into_iter().zip(1..) {
            assert_eq!(asking.await.unwrap(), Ok(item * 2));
        }
        assert_eq!(asked.batches(), [('a', vec![1]), ('a', vec![2, 3, 4]), ('a', vec![5, 6])]);
        assert_eq!(asked.batcher.waiting(), 0);
        assert!(asked.batcher.0.lock().is_empty(), "nothing is left of a group");
    }

    #[tokio::test]
    async fn groups_do_not_wait_for_each_other() {
        let asked = Asked::new();
        let asking = [asked.ask('a', 1).await, asked.ask('b', 2).await];
        assert_eq!(asked.doubling.at_work.load(Ordering::SeqCst), 2);
        asked.let_pass(2);
        for asking in asking {
            asking.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn who_goes_away_leaves_its_place_to_the_next() {
        let asked = Asked::new();
        let (first, second) = (asked.ask('a', 1).await, asked.ask('a', 2).await);
        let (third, fourth) = (asked.ask('a', 3).await, asked.ask('a', 4).await);
        // One is at work, in its own task; the other one waits.
        first.abort();
        third.abort();
        assert!(first.await.unwrap_err().is_cancelled() && third.await.unwrap_err().is_cancelled());
        asked.let_pass(2);
        assert_eq!(second.await.unwrap(), Ok(4));
        assert_eq!(fourth.await.unwrap(), Ok(8));
        assert!(asked.batcher.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_heard_of_by_those_of_its_batch_and_by_nobody_else() {
        let asked = Asked::new();
        let mut asking = Vec::new();
        for item in [13, 13, 2, 3, 4] {
            asking.push(asked.ask('a', item).await);
        }
        asked.let_pass(3);
        let mut outcomes = Vec::new();
        for asking in asking {
            outcomes.push(asking.await.map_err(|panicked| assert!(panicked.is_panic())));
        }
        let broken = Ok(Err(BrokenOff));
        assert_eq!(outcomes, [Err(()), broken, broken, broken, Ok(Ok(8))]);
        assert!(asked.batcher.0.lock().is_empty());
    }
}
