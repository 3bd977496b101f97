//! The tasks that are under way, and how many there may be.

use std::time::Duration;

use service_host::Progress;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

/// A limited number of tasks. Dropping it drops them.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    under_way: JoinSet<()>,
    progress: Progress,
}

impl Places {
    pub(super) fn new(most: u32, progress: Progress) -> Self {
        Self { most: most as usize, under_way: JoinSet::new(), progress }
    }

    /// How many more tasks there may be.
    pub(super) fn free(&mut self) -> u32 {
        while let Some(end) = self.under_way.try_join_next() {
            self.note(end);
        }
        u32::try_from(self.most.saturating_sub(self.under_way.len())).unwrap_or(u32::MAX)
    }

    pub(super) fn begin(&mut self, piece: impl Future<Output = ()> + Send + 'static) {
        self.under_way.spawn(piece.in_current_span());
    }

    /// Waits until `pause` is over and a place is free.
    pub(super) async fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            let is_free = self.under_way.len() < self.most;
            tokio::select! {
                Some(end) = self.under_way.join_next() => self.note(end),
                () = sleep_until(until), if is_free => return,
            }
        }
    }

    /// Waits until no task is left.
    pub(super) async fn finish(&mut self) {
        while let Some(end) = self.under_way.join_next().await {
            self.note(end);
        }
    }

    fn note(&self, end: Result<(), JoinError>) {
        let worker = self.progress.worker();
        match end {
            Ok(()) => self.progress.succeeded(),
            Err(error) => {
                tracing::error!(worker, %error, "a piece of work failed; it is taken up again when its lease has run out");
                metrics::counter!("worker_pieces_failed_total", "worker" => worker).increment(1);
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
    async fn a_free_place_is_known_at_once_and_one_that_is_taken_for_ever_is_in_nobodys_way() {
        let mut places = Places::new(2, Progress::new("checkouts"));
        places.begin(pending());
        for _ in 0..3 {
            places.begin(async { tokio::time::sleep(Duration::from_secs(1)).await });
            assert_eq!(places.free(), 0);
            let began = Instant::now();
            let waited = timeout(Duration::from_secs(60), places.wait(Duration::ZERO)).await;
            waited.expect("a place is free in time");
            assert_eq!((places.free(), began.elapsed().as_secs()), (1, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_panics_is_counted_and_its_place_is_free() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let mut places = Places::new(1, Progress::new("checkouts"));
        places.begin(async { panic!("a bug") });
        places.wait(Duration::ZERO).await;
        assert_eq!(places.free(), 1);
        let shown = metrics.render();
        let line = "worker_pieces_failed_total{worker=\"checkouts\"} 1";
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}
