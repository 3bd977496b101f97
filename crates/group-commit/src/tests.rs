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
