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
mod tests;
