use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The report of a worker about its work. The worker writes it, and its watcher reads it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    worker: &'static str,
    report: Mutex<Report>,
}

#[derive(Debug)]
struct Report {
    /// When the worker last reported anything.
    reported_at: Instant,
    /// When a round last succeeded; at first, when this was made.
    succeeded_at: Instant,
    /// The last failure since then.
    error: Option<String>,
}

/// A worker that has not succeeded for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing was done for {idle_s} s{}", .error.as_ref().map(|error| format!("; last: {error}")).unwrap_or_default())]
pub struct NoSuccess {
    idle_s: u64,
    error: Option<String>,
}

impl Progress {
    /// Of the worker with this name.
    pub fn new(worker: &'static str) -> Self {
        let now = Instant::now();
        let report = Mutex::new(Report { reported_at: now, succeeded_at: now, error: None });
        Self(Arc::new(Inner { worker, report }))
    }

    /// The worker's name.
    pub fn worker(&self) -> &'static str {
        self.0.worker
    }

    /// A round of the work succeeded, or found nothing to do.
    pub fn succeeded(&self) {
        let now = Instant::now();
        *self.report() = Report { reported_at: now, succeeded_at: now, error: None };
    }

    /// A round failed, and another one follows.
    pub fn failed(&self, error: &(dyn Error + 'static)) {
        let mut report = self.report();
        report.reported_at = Instant::now();
        report.error = Some(telemetry::chain(error));
    }

    /// Whether something has succeeded within `limit`.
    pub fn check(&self, limit: Duration) -> Result<(), NoSuccess> {
        let report = self.report();
        let idle = report.succeeded_at.elapsed();
        if idle <= limit {
            return Ok(());
        }
        Err(NoSuccess { idle_s: idle.as_secs(), error: report.error.clone() })
    }

    /// The worker has been started.
    pub(crate) fn started(&self) {
        self.report().reported_at = Instant::now();
    }

    /// How long ago the worker reported anything, and how long ago it succeeded.
    pub(crate) fn ages(&self) -> (Duration, Duration) {
        let report = self.report();
        (report.reported_at.elapsed(), report.succeeded_at.elapsed())
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.0.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
