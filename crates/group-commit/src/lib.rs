//! Requests that arrive at the same time are served together, in one batch.
//!
//! A request that arrives while few batches run is served at once, in its own task: without load there is no additional work.
//! A request that arrives while enough batches run waits. When one of them ends, all requests that wait by then are served
//! together: one statement for many rows, one commit for many transfers, one answer to many equal questions. So under load
//! there is less work for each request. Databases call this group commit; GraphQL servers call it a data loader.
//!
//! A batch begins after all of its items have arrived, and no item joins a batch that runs. So a batch sees everything that
//! was committed before any of its requests was sent, also what the same client has just written.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

/// Work that can be done for many items at once.
pub trait Work: Send + Sync + 'static {
    /// Items of the same group can be in one batch.
    type Group: Clone + Eq + Hash + Send + Sync;
    /// What one request asks for.
    type Item: Send;
    /// What one request gets.
    type Outcome: Send;

    /// The name in metrics: `batch_items_waiting{work}` is how many items wait now, and `batch_size{work}` is how many items
    /// that had to wait were in one batch.
    const NAME: &'static str;

    /// How many batches of a group run at once. While some run, a further one begins only when as many items wait as are in the
    /// smallest of those: a small batch costs as much as a large one.
    const AT_ONCE: usize;

    /// How many of the items that wait go into the next batch. The batcher takes at least one of them.
    fn size(waiting: usize) -> usize {
        waiting
    }

    /// Runs a batch, and gives an outcome for each item, in the order of the items.
    fn run(
        &self,
        group: &Self::Group,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Vec<Self::Outcome>> + Send;
}

/// Puts items into batches. Cheap to clone.
pub struct Batcher<W: Work>(Arc<Inner<W>>);

struct Inner<W: Work> {
    work: W,
    groups: Mutex<HashMap<W::Group, Group<W>>>,
}

/// A group of which at least one batch runs.
struct Group<W: Work> {
    /// How many items are in each batch that runs.
    running: Vec<usize>,
    waiting: VecDeque<Waiting<W>>,
}

struct Waiting<W: Work> {
    item: W::Item,
    done: oneshot::Sender<W::Outcome>,
    span: Span,
}

/// The batch has no outcome: it panicked, or the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch that this was a part of was aborted")]
pub struct Aborted;

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
    /// A batcher for this work.
    pub fn new(work: W) -> Self {
        Self(Arc::new(Inner { work, groups: Mutex::default() }))
    }

    /// Submits an item and waits for its outcome. If the caller is dropped while the item waits, the item is not done. If it is
    /// dropped while the batch runs, the batch is cancelled as soon as no caller of it is left.
    pub async fn ask(&self, group: W::Group, item: W::Item) -> Result<W::Outcome, Aborted> {
        let outcome = match self.submit(group, item) {
            Submitted::Alone(batch, item) => {
                let outcomes = self.0.work.run(&batch.group, vec![item]).await;
                return outcomes.into_iter().next().ok_or(Aborted);
            }
            Submitted::Waiting(outcome) => outcome,
        };
        outcome.await.map_err(|_| Aborted)
    }

    /// How many items wait in all groups.
    pub fn waiting(&self) -> usize {
        self.0.lock().values().map(|group| group.waiting.len()).sum()
    }

    fn submit(&self, key: W::Group, item: W::Item) -> Submitted<W> {
        let mut groups = self.0.lock();
        let group = groups.entry(key.clone()).or_insert_with(Group::new);
        if group.waiting.is_empty() && group.may_begin_with(1) {
            group.running.push(1);
            return Submitted::Alone(RunningBatch { inner: Arc::clone(&self.0), group: key, size: 1 }, item);
        }
        let (done, outcome) = oneshot::channel();
        waiting_gauge::<W>().increment(1);
        group.waiting.push_back(Waiting { item, done, span: Span::current() });
        let batch = group.next_batch();
        drop(groups);
        if let Some(batch) = batch {
            self.0.begin(key, batch);
        }
        Submitted::Waiting(outcome)
    }
}

enum Submitted<W: Work> {
    /// It is a batch alone, which its caller runs.
    Alone(RunningBatch<W>, W::Item),
    /// It waits for a batch.
    Waiting(oneshot::Receiver<W::Outcome>),
}

impl<W: Work> Group<W> {
    const fn new() -> Self {
        Self { running: Vec::new(), waiting: VecDeque::new() }
    }

    /// Whether a further batch may begin while this many items wait.
    fn may_begin_with(&self, waiting: usize) -> bool {
        self.running.len() < W::AT_ONCE && self.running.iter().all(|size| waiting >= *size)
    }

    /// The next batch, if one may begin. It counts as running from here on.
    fn next_batch(&mut self) -> Option<Vec<Waiting<W>>> {
        let before = self.waiting.len();
        // First the cheap check: to look through all items that wait, for each new item, would be too much.
        if !self.may_begin_with(before) {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.done.is_closed());
        let waiting = self.waiting.len();
        waiting_gauge::<W>().decrement(in_metrics(before - waiting));
        if waiting == 0 || !self.may_begin_with(waiting) {
            return None;
        }
        let size = W::size(waiting).clamp(1, waiting);
        self.running.push(size);
        waiting_gauge::<W>().decrement(in_metrics(size));
        metrics::histogram!("batch_size", "work" => W::NAME).record(in_metrics(size));
        Some(self.waiting.drain(..size).collect())
    }
}

impl<W: Work> Inner<W> {
    fn lock(&self) -> MutexGuard<'_, HashMap<W::Group, Group<W>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a batch of this size has ended, and gives the next one.
    fn end_batch(&self, key: &W::Group, size: usize) -> Option<Vec<Waiting<W>>> {
        let mut groups = self.lock();
        let group = groups.get_mut(key)?;
        if let Some(position) = group.running.iter().position(|running| *running == size) {
            group.running.swap_remove(position);
        }
        let next = group.next_batch();
        if group.running.is_empty() {
            groups.remove(key);
        }
        next
    }

    /// Runs a batch in a separate task.
    fn begin(self: &Arc<Self>, group: W::Group, batch: Vec<Waiting<W>>) {
        let running = RunningBatch { inner: Arc::clone(self), group, size: batch.len() };
        let serving = async move { running.inner.serve(&running.group, batch).await };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(serving)),
            // The callers get `Aborted`.
            Err(_) => drop(serving),
        }
    }

    async fn serve(&self, group: &W::Group, batch: Vec<Waiting<W>>) {
        // A span has one parent, so the span of the first item stands for all.
        let span = batch.first().map_or_else(Span::none, |first| first.span.clone());
        let (items, mut done): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.item, waiting.done)).unzip();
        // A panic was reported by its hook. The callers get `Aborted`, because their channels are closed.
        let work =
            AssertUnwindSafe(async { self.work.run(group, items).await }.instrument(span)).catch_unwind();
        let outcomes = tokio::select! {
            outcomes = work => outcomes.unwrap_or_default(),
            // Work that nobody waits for may never end, for example while the database does not answer.
            () = all_gone(&mut done) => return,
        };
        for (done, outcome) in done.into_iter().zip(outcomes) {
            // A caller that is gone gets nothing.
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

/// Returns when no receiver is left.
async fn all_gone<T>(done: &mut [oneshot::Sender<T>]) {
    for done in done {
        done.closed().await;
    }
}

/// A batch that runs. When it is dropped, the next one begins with the items that wait by then.
struct RunningBatch<W: Work> {
    inner: Arc<Inner<W>>,
    group: W::Group,
    size: usize,
}

impl<W: Work> Drop for RunningBatch<W> {
    fn drop(&mut self) {
        if let Some(next) = self.inner.end_batch(&self.group, self.size) {
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

    /// Doubles numbers, one batch for each permit, and records the batches.
    struct Doubling<const AT_ONCE: usize> {
        permits: Semaphore,
        batches: Mutex<Vec<(char, Vec<u32>)>>,
        running: AtomicUsize,
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
            self.running.fetch_add(1, Ordering::SeqCst);
            self.permits.acquire().await.unwrap().forget();
            self.running.fetch_sub(1, Ordering::SeqCst);
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
                running: AtomicUsize::default(),
            };
            let doubling = Arc::new(doubling);
            Self { batcher: Batcher::new(Arc::clone(&doubling)), doubling }
        }

        /// Submits an item, and returns when it runs or waits.
        async fn ask(&self, group: char, item: u32) -> JoinHandle<Result<u32, Aborted>> {
            let batcher = self.batcher.clone();
            let asking = tokio::spawn(async move { batcher.ask(group, item).await });
            tokio::task::yield_now().await;
            asking
        }

        async fn ask_all(
            &self,
            group: char,
            items: impl IntoIterator<Item = u32>,
        ) -> Vec<JoinHandle<Result<u32, Aborted>>> {
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
    async fn items_that_arrive_while_a_batch_runs_are_in_one_batch() {
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', 1..=6).await;
        assert_eq!(asked.batcher.waiting(), 5);
        assert_eq!(asked.batches(), [('a', vec![1])], "the first one does not wait");
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
        assert_eq!(asked.doubling.running.load(Ordering::SeqCst), 2);
        asked.let_pass(2);
        for asking in asking {
            asking.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_lets_the_next_batch_begin() {
        let asked = Asked::<1>::new();
        let (first, second) = (asked.ask('a', 1).await, asked.ask('a', 2).await);
        let (third, fourth) = (asked.ask('a', 3).await, asked.ask('a', 4).await);
        // The first one runs in its own task; the third one waits.
        first.abort();
        third.abort();
        assert!(first.await.unwrap_err().is_cancelled() && third.await.unwrap_err().is_cancelled());
        asked.let_pass(2);
        assert_eq!(second.await.unwrap(), Ok(4));
        assert_eq!(fourth.await.unwrap(), Ok(8));
        assert!(asked.batcher.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_batch_that_nobody_waits_for_is_cancelled() {
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', 1..=4).await;
        // The first one runs, and then the others do; no batch ever ends.
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
    async fn a_panic_reaches_the_callers_of_its_batch_and_no_others() {
        let asked = Asked::<1>::new();
        let asking = asked.ask_all('a', [13, 13, 2, 3, 4]).await;
        asked.let_pass(3);
        let mut outcomes = Vec::new();
        for asking in asking {
            outcomes.push(asking.await.map_err(|panicked| assert!(panicked.is_panic())));
        }
        let broken = Ok(Err(Aborted));
        assert_eq!(outcomes, [Err(()), broken, broken, broken, Ok(Ok(8))]);
        assert!(asked.batcher.0.lock().is_empty());
    }
}
