//! The running tasks, and their limit.

use std::time::Duration;

use service_host::Progress;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

/// A limited number of running tasks. If it is dropped, its tasks are dropped too.
#[derive(Debug)]
pub(super) struct Slots {
    max_tasks: usize,
    running: JoinSet<()>,
    progress: Progress,
}

impl Slots {
    pub(super) fn new(max_tasks: u32, progress: Progress) -> Self {
        Self { max_tasks: max_tasks as usize, running: JoinSet::new(), progress }
    }

    /// How many more tasks can be started.
    pub(super) fn free(&mut self) -> u32 {
        while let Some(end) = self.running.try_join_next() {
            self.record(end);
        }
        u32::try_from(self.max_tasks.saturating_sub(self.running.len())).unwrap_or(u32::MAX)
    }

    pub(super) fn start(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(task.in_current_span());
    }

    /// Waits until `pause` is over and a slot is free.
    pub(super) async fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            let is_free = self.running.len() < self.max_tasks;
            tokio::select! {
                Some(end) = self.running.join_next() => self.record(end),
                () = sleep_until(until), if is_free => return,
            }
        }
    }

    /// Waits until no task is running.
    pub(super) async fn drain(&mut self) {
        while let Some(end) = self.running.join_next().await {
            self.record(end);
        }
    }

    fn record(&self, end: Result<(), JoinError>) {
        let worker = self.progress.worker();
        match end {
            Ok(()) => self.progress.succeeded(),
            Err(error) => {
                tracing::error!(worker, %error, "a task failed; it is claimed again when its lease has expired");
                metrics::counter!("worker_tasks_failed_total", "worker" => worker).increment(1);
                self.progress.failed(&error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_free_slot_is_known_at_once_and_a_task_that_never_ends_blocks_no_other() {
        let mut slots = Slots::new(2, Progress::new("checkouts"));
        slots.start(pending());
        for _ in 0..3 {
            slots.start(async { tokio::time::sleep(Duration::from_secs(1)).await });
            assert_eq!(slots.free(), 0);
            let began = Instant::now();
            let waited = timeout(Duration::from_secs(60), slots.wait(Duration::ZERO)).await;
            waited.expect("a slot is free in time");
            assert_eq!((slots.free(), began.elapsed().as_secs()), (1, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_counted_and_its_slot_is_free() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let mut slots = Slots::new(1, Progress::new("checkouts"));
        slots.start(async { panic!("a bug") });
        slots.wait(Duration::ZERO).await;
        assert_eq!(slots.free(), 1);
        let shown = metrics.render();
        let line = "worker_tasks_failed_total{worker=\"checkouts\"} 1";
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}
