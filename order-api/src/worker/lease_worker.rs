//! Claiming tasks and running them.

use std::error::Error;
use std::time::Duration;

use service_host::Progress;
use tokio_util::sync::CancellationToken;

use super::slots::Slots;

/// Work that is stored with a lease. Any instance can claim a task whose lease has expired. Cheap to clone.
pub trait Queue: Clone + Send + Sync + 'static {
    /// One claimed piece of work.
    type Task: Send + 'static;
    /// Why nothing could be claimed.
    type Error: Error + 'static;

    /// Claims at most `limit` tasks whose lease has expired.
    fn claim_due(&self, limit: u32) -> impl Future<Output = Result<Vec<Self::Task>, Self::Error>> + Send;

    /// Runs a claimed task, within its lease.
    fn run(self, task: Self::Task) -> impl Future<Output = ()> + Send + 'static;
}

/// Runs the tasks of one queue. If it is dropped, its running tasks are dropped too; they are claimed again when their
/// leases have expired.
#[derive(Debug)]
pub struct LeaseWorker<Q> {
    queue: Q,
    slots: Slots,
    progress: Progress,
}

impl<Q: Queue> LeaseWorker<Q> {
    /// A worker that runs at most `max_tasks` tasks at the same time.
    pub fn new(queue: Q, max_tasks: u32, progress: Progress) -> Self {
        let slots = Slots::new(max_tasks, progress.clone());
        Self { queue, slots, progress }
    }

    /// Claims due tasks and runs them until the process shuts down, and then waits for those that are running. Looks for
    /// due tasks every `poll`, and at once while there may be more of them.
    pub async fn run(mut self, poll: Duration, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let has_more = self.start_due().await.unwrap_or_else(|error| {
                let worker = self.progress.worker();
                tracing::warn!(worker, error = telemetry::chain(&error), "could not claim tasks");
                self.progress.failed(&error);
                false
            });
            let pause = if has_more { Duration::ZERO } else { poll };
            let _ = shutdown.run_until_cancelled(self.slots.wait(pause)).await;
        }
        self.drain().await;
    }

    /// Claims due tasks, one for each free slot at most, and starts them. Returns true if more tasks may be due.
    pub async fn start_due(&mut self) -> Result<bool, Q::Error> {
        let free = self.slots.free();
        let tasks = self.queue.claim_due(free).await?;
        self.progress.succeeded();
        let has_more = tasks.len() >= free as usize;
        for task in tasks {
            self.slots.start(self.queue.clone().run(task));
        }
        Ok(has_more)
    }

    /// Waits until all running tasks have ended.
    pub async fn drain(&mut self) {
        self.slots.drain().await;
    }
}
