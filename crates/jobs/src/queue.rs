use std::error::Error;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Progress;
use crate::slots::Slots;

/// Jobs that wait in a table. Cheap to clone: each job that runs has a clone.
pub trait Queue: Clone + Send + Sync + 'static {
    /// One job, claimed.
    type Job: Send + 'static;
    /// Why no job could be claimed.
    type Error: Error + Send + 'static;

    /// Claims up to `limit` jobs that are due: those whose lease has run out. In one transaction, it leases them to this
    /// process (`SELECT … FOR UPDATE SKIP LOCKED`, then an update of their leases).
    fn claim_due(&self, limit: u32) -> impl Future<Output = Result<Vec<Self::Job>, Self::Error>> + Send;

    /// Runs one job within its lease. It must record that the job is done, or reschedule it. A job that panics or is dropped is
    /// claimed again when its lease has run out.
    fn run(self, job: Self::Job) -> impl Future<Output = ()> + Send + 'static;
}

/// Claims the jobs of a queue and runs each in a separate task. So a job that waits for a slow service takes one slot, and does not
/// delay other jobs.
///
/// Dropping it drops the jobs that run; they are claimed again when their leases have run out.
#[derive(Debug)]
pub struct QueueWorker<Q> {
    queue: Q,
    progress: Progress,
    slots: Slots,
}

impl<Q: Queue> QueueWorker<Q> {
    /// A worker that runs at most `at_once` jobs at the same time.
    pub fn new(queue: Q, at_once: u32, progress: Progress) -> Self {
        let slots = Slots::new(at_once, progress.clone());
        Self { queue, progress, slots }
    }

    /// Claims and runs jobs until `shutdown` is cancelled, and then waits for those that run. While nothing is due, it looks
    /// again after `poll`.
    pub async fn run(mut self, poll: Duration, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let has_more = self.claim().await.unwrap_or_else(|error| {
                let worker = self.progress.worker();
                tracing::warn!(worker, error = telemetry::chain(&error), "could not claim jobs");
                self.progress.failed(&error);
                false
            });
            let pause = if has_more { Duration::ZERO } else { poll };
            let _ = shutdown.run_until_cancelled(self.slots.wait(pause)).await;
        }
        self.finish().await;
    }

    /// Claims and starts the jobs that are due, as many as there are free slots. True if there may be more of them.
    pub async fn claim(&mut self) -> Result<bool, Q::Error> {
        let free = self.slots.free();
        let jobs = self.queue.claim_due(free).await?;
        let has_more = jobs.len() >= free as usize;
        for job in jobs {
            self.slots.spawn(self.queue.clone().run(job));
        }
        self.progress.succeeded();
        Ok(has_more)
    }

    /// Waits until every job that runs has ended.
    pub async fn finish(&mut self) {
        self.slots.finish().await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;

    const POLL: Duration = Duration::from_millis(500);

    #[derive(Debug, Default)]
    struct Table {
        due: VecDeque<Duration>,
        claims: Vec<u32>,
        done: usize,
        is_down: bool,
    }

    /// Jobs that take some time each.
    #[derive(Clone, Debug, Default)]
    struct Baking(Arc<Mutex<Table>>);

    impl Queue for Baking {
        type Job = Duration;
        type Error = io::Error;

        async fn claim_due(&self, limit: u32) -> Result<Vec<Duration>, io::Error> {
            let mut table = self.0.lock().unwrap();
            table.claims.push(limit);
            if table.is_down {
                return Err(io::Error::other("no database"));
            }
            let count = table.due.len().min(limit as usize);
            Ok(table.due.drain(..count).collect())
        }

        async fn run(self, job: Duration) {
            sleep(job).await;
            self.0.lock().unwrap().done += 1;
        }
    }

    fn baking(seconds: &[u64]) -> Baking {
        let due = seconds.iter().copied().map(Duration::from_secs).collect();
        Baking(Arc::new(Mutex::new(Table { due, ..Table::default() })))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_job_takes_one_slot_and_the_end_waits_for_it() {
        let queue = baking(&[30, 1, 1, 1, 1]);
        let (worker, shutdown) =
            (QueueWorker::new(queue.clone(), 2, Progress::new("ovens")), CancellationToken::new());
        let began = Instant::now();
        let running = tokio::spawn(worker.run(POLL, shutdown.clone()));
        sleep(Duration::from_millis(4_100)).await;
        assert_eq!(
            queue.0.lock().unwrap().done,
            4,
            "the quick ones went through the other slot, one after the other"
        );
        shutdown.cancel();
        running.await.unwrap();
        assert_eq!((queue.0.lock().unwrap().done, began.elapsed().as_secs()), (5, 30));
        assert_eq!(queue.0.lock().unwrap().claims[..4], [2, 1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_or_failing_queue_is_asked_again_after_the_pause() {
        let queue = baking(&[]);
        queue.0.lock().unwrap().is_down = true;
        let progress = Progress::new("ovens");
        let (worker, shutdown) =
            (QueueWorker::new(queue.clone(), 2, progress.clone()), CancellationToken::new());
        let running = tokio::spawn(worker.run(POLL, shutdown.clone()));
        sleep(4 * POLL + POLL / 2).await;
        let error = progress.check(POLL).unwrap_err().to_string();
        assert!(error.ends_with("last: no database"), "{error}");
        queue.0.lock().unwrap().is_down = false;
        sleep(5 * POLL).await;
        assert_eq!(queue.0.lock().unwrap().claims, [2; 10]);
        assert!(progress.check(POLL).is_ok());
        shutdown.cancel();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_are_dropped_with_their_worker() {
        let queue = baking(&[1]);
        let mut worker = QueueWorker::new(queue.clone(), 2, Progress::new("ovens"));
        assert!(!worker.claim().await.unwrap(), "a slot is free");
        drop(worker);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(queue.0.lock().unwrap().done, 0);
    }
}
