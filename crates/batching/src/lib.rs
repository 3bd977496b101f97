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

    /// What the metrics call it: `batch_items_waiting{work}` is how many wait just now, and `batch_size{work}` how many of those
    /// who had to wait were served together.
    const NAME: &'static str;

    /// How many batches of a group are at work at once. One more begins when as many wait as are in the smallest of those:
    /// a few in a batch of their own would cost as much as many.
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
    /// How many are in each batch.
    at_work: Vec<usize>,
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

    /// Has an item done. Where the caller goes away while it waits, it is not done; while it is at work, that is dropped as
    /// soon as nobody of the batch is left.
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
        let there = groups.entry(group.clone()).or_insert_with(Group::new);
        if there.waiting.is_empty() && there.has_room_for(1) {
            there.at_work.push(1);
            return Joined::AtWork(Place { inner: Arc::clone(&self.0), group, size: 1 }, item);
        }
        let (done, outcome) = oneshot::channel();
        waiting_gauge::<W>().increment(1);
        there.waiting.push_back(Waiting { item, done, span: Span::current() });
        let batch = there.next();
        drop(groups);
        if let Some(batch) = batch {
            self.0.begin(group, batch);
        }
        Joined::Waiting(outcome)
    }
}

enum Joined<W: Work> {
    AtWork(Place<W>, W::Item),
    Waiting(oneshot::Receiver<W::Outcome>),
}

impl<W: Work> Group<W> {
    const fn new() -> Self {
        Self { at_work: Vec::new(), waiting: VecDeque::new() }
    }

    /// Whether one more batch may begin where so many wait.
    fn has_room_for(&self, waiting: usize) -> bool {
        self.at_work.len() < W::AT_ONCE && self.at_work.iter().all(|size| waiting >= *size)
    }

    /// The next batch, where one may begin; it is at work from here on.
    fn next(&mut self) -> Option<Vec<Waiting<W>>> {
        let before = self.waiting.len();
        // Before all who wait are looked through, which is not to be done for each who comes.
        if !self.has_room_for(before) {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.done.is_closed());
        let waiting = self.waiting.len();
        waiting_gauge::<W>().decrement(in_metrics(before - waiting));
        if waiting == 0 || !self.has_room_for(waiting) {
            return None;
        }
        let size = W::size(waiting).clamp(1, waiting);
        self.at_work.push(size);
        waiting_gauge::<W>().decrement(in_metrics(size));
        metrics::histogram!("batch_size", "work" => W::NAME).record(in_metrics(size));
        Some(self.waiting.drain(..size).collect())
    }
}

impl<W: Work> Inner<W> {
    fn lock(&self) -> MutexGuard<'_, HashMap<W::Group, Group<W>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a batch of so many is done with, and gives the next one.
    fn follow(&self, group: &W::Group, size: usize) -> Option<Vec<Waiting<W>>> {
        let mut groups = self.lock();
        let there = groups.get_mut(group)?;
        if let Some(place) = there.at_work.iter().position(|at_work| *at_work == size) {
            there.at_work.swap_remove(place);
        }
        let next = there.next();
        if there.at_work.is_empty() {
            groups.remove(group);
        }
        next
    }

    /// Serves a batch in a task of its own.
    fn begin(self: &Arc<Self>, group: W::Group, batch: Vec<Waiting<W>>) {
        let place = Place { inner: Arc::clone(self), group, size: batch.len() };
        let serving = async move { place.inner.serve(&place.group, batch).await };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(serving)),
            // Those of the batch hear that it has broken off.
            Err(_) => drop(serving),
        }
    }

    async fn serve(&self, group: &W::Group, batch: Vec<Waiting<W>>) {
        // Which stands for all: a span has one parent.
        let span = batch.first().map_or_else(Span::none, |first| first.span.clone());
        let (items, mut done): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.item, waiting.done)).unzip();
        // A panic has been reported by then. Those of this batch hear of it by the end of their channels.
        let work =
            AssertUnwindSafe(async { self.work.run(group, items).await }.instrument(span)).catch_unwind();
        let outcomes = tokio::select! {
            outcomes = work => outcomes.unwrap_or_default(),
            // Work that nobody waits for any more may never end: of a database that does not answer, say.
            () = all_gone(&mut done) => return,
        };
        for (done, outcome) in done.into_iter().zip(outcomes) {
            // Who has gone does not hear of it.
            drop(done.send(outcome));
        }
    }
}

fn waiting_gauge<W: Work>() -> metrics::Gauge {
    metrics::gauge!("batch_items_waiting", "work" => W::NAME)
}

fn in_metrics(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Returns when nobody listens any more.
async fn all_gone<T>(done: &mut [oneshot::Sender<T>]) {
    for done in done {
        done.closed().await;
    }
}

/// The right to be at work for a group. Those who wait by then follow when it is dropped.
struct Place<W: Work> {
    inner: Arc<Inner<W>>,
    group: W::Group,
    size: usize,
}

impl<W: Work> Drop for Place<W> {
    fn drop(&mut self) {
        if let Some(next) = self.inner.follow(&self.group, self.size) {
            self.inner.begin(self.group.clone(), next);
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
    struct Doubling<const AT_ONCE: usize> {
        permits: Semaphore,
        batches: Mutex<Vec<(char, Vec<u32>)>>,
        at_work: AtomicUsize,
    }

    impl<const AT_ONCE: usize> Work for Arc<Doubling<AT_ONCE>> {
        type Group = char;
        type Item = u32;
        type Outcome = u32;
        const NAME: &'static str = "doubling";
        const AT_ONCE: usize = AT_ONCE;

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

    struct Asked<const AT_ONCE: usize> {
        doubling: Arc<Doubling<AT_ONCE>>,
        batcher: Batcher<Arc<Doubling<AT_ONCE>>>,
    }

    impl<const AT_ONCE: usize> Asked<AT_ONCE> {
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

        async fn ask_all(
            &self,
            group: char,
            items: impl IntoIterator<Item = u32>,
        ) -> Vec<JoinHandle<Result<u32, BrokenOff>>> {
            let mut asking = Vec::new();
            for item in items {
                asking.push(self.ask(group, item).await);
            }
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
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', 1..=6).await;
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
    async fn a_further_batch_begins_when_as_many_wait_as_are_in_the_smallest() {
        let asked = Asked::<2>::new();
        let mut asking = asked.ask_all('a', 1..=6).await;
        assert_eq!(asked.batches(), [('a', vec![1]), ('a', vec![2])], "one each, side by side");
        asked.let_pass(1);
        asking.remove(0).await.unwrap().unwrap();
        tokio::task::yield_now().await;
        assert_eq!(asked.batches()[2..], [('a', vec![3, 4, 5])]);
        asked.let_pass(1);
        asking.remove(0).await.unwrap().unwrap();
        asking.push(asked.ask('a', 7).await);
        assert_eq!(asked.batches().len(), 3, "two wait for three");
        asking.push(asked.ask('a', 8).await);
        assert_eq!(asked.batches()[3..], [('a', vec![6, 7, 8])]);
        asked.let_pass(2);
        for asking in asking {
            asking.await.unwrap().unwrap();
        }
        assert!(asked.batcher.0.lock().is_empty());
    }

    #[tokio::test]
    async fn groups_do_not_wait_for_each_other() {
        let asked = Asked::<1>::new();
        let asking = [asked.ask('a', 1).await, asked.ask('b', 2).await];
        assert_eq!(asked.doubling.at_work.load(Ordering::SeqCst), 2);
        asked.let_pass(2);
        for asking in asking {
            asking.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn who_goes_away_leaves_its_place_to_the_next() {
        let asked = Asked::<1>::new();
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
    async fn work_that_nobody_waits_for_is_given_up() {
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', 1..=4).await;
        // The first one is at work, and then the others are; none of it ever ends.
        for asking in asking {
            asking.abort();
            assert!(asking.await.unwrap_err().is_cancelled());
        }
        let next = asked.ask('a', 5).await;
        asked.let_pass(1);
        assert_eq!(next.await.unwrap(), Ok(10));
        assert!(asked.batcher.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_heard_of_by_those_of_its_batch_and_by_nobody_else() {
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', [13, 13, 2, 3, 4]).await;
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
