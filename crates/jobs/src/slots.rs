//! The jobs that run, and how many may.

use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use crate::Progress;

/// A limited number of tasks. Dropping it drops them.
#[derive(Debug)]
pub(crate) struct Slots {
    limit: usize,
    running: JoinSet<()>,
    progress: Progress,
}

impl Slots {
    pub(crate) fn new(limit: u32, progress: Progress) -> Self {
        Self { limit: limit as usize, running: JoinSet::new(), progress }
    }

    /// How many more tasks may run.
    pub(crate) fn free(&mut self) -> u32 {
        while let Some(end) = self.running.try_join_next() {
            self.note(end);
        }
        u32::try_from(self.limit.saturating_sub(self.running.len())).unwrap_or(u32::MAX)
    }

    pub(crate) fn spawn(&mut self, job: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(job.in_current_span());
    }

    /// Waits until `pause` is over and a slot is free.
    pub(crate) async fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            let is_free = self.running.len() < self.limit;
            tokio::select! {
                Some(end) = self.running.join_next() => self.note(end),
                () = sleep_until(until), if is_free => return,
            }
        }
    }

    /// Waits until no task is left.
    pub(crate) async fn finish(&mut self) {
        while let Some(end) = self.running.join_next().await {
            self.note(end);
        }
    }

    fn note(&self, end: Result<(), JoinError>) {
        let worker = self.progress.worker();
        match end {
            Ok(()) => self.progress.succeeded(),
            Err(error) => {
                tracing::error!(worker, %error, "a job failed; it is claimed again when its lease has run out");
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
    async fn a_free_slot_is_known_at_once_and_a_job_that_never_ends_keeps_only_its_own() {
        let mut slots = Slots::new(2, Progress::new("checkouts"));
        slots.spawn(pending());
        for _ in 0..3 {
            slots.spawn(async { tokio::time::sleep(Duration::from_secs(1)).await });
            assert_eq!(slots.free(), 0);
            let began = Instant::now();
            let waited = timeout(Duration::from_secs(60), slots.wait(Duration::ZERO)).await;
            waited.expect("a slot is free in time");
            assert_eq!((slots.free(), began.elapsed().as_secs()), (1, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_is_counted_and_its_slot_is_free() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let mut slots = Slots::new(1, Progress::new("checkouts"));
        slots.spawn(async { panic!("a bug") });
        slots.wait(Duration::ZERO).await;
        assert_eq!(slots.free(), 1);
        let shown = metrics.render();
        let line = "worker_tasks_failed_total{worker=\"checkouts\"} 1";
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}
