//! The attempts of one request, and their time.

use std::sync::Arc;
use std::time::Duration;

use discovery::Instance;
use tokio::time::Instant;

use super::concurrency::{Concurrency, InFlight};
use super::failure::Failure;

/// Whether a request may be sent again after a service may have received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Never,
    /// If the answer was lost, or the instance stands still. An instance that works on the request would answer the second one that
    /// the first is running.
    IfSilent,
    /// Also if the instance is slow.
    Always,
}

/// The failed attempts of one request.
pub(super) struct Attempts {
    pub(super) repeat: Repeat,
    pub(super) instances: Vec<Arc<Instance>>,
    pub(super) last_failure: Option<Failure>,
    has_lost_answer: bool,
}

/// The time that a request has spent with its service.
pub(super) struct Timing<'a> {
    concurrency: &'a Concurrency,
    limit: Duration,
    /// When its client gets an answer in any case.
    end: Option<Instant>,
    began: Option<(Instant, InFlight<'a>)>,
}

impl Attempts {
    pub(super) fn new(repeat: Repeat) -> Self {
        Self { repeat, instances: Vec::new(), last_failure: None, has_lost_answer: false }
    }

    /// The ids of the instances that were tried.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.instances.iter().map(|instance| instance.id()).collect()
    }

    pub(super) fn allow_another(&mut self, failure: &Failure, connect_tries: usize) -> bool {
        match failure {
            Failure::Unreachable(_) => self.instances.len() + 1 < connect_tries,
            Failure::ConnectionLost(_) => {
                self.repeat != Repeat::Never && !std::mem::replace(&mut self.has_lost_answer, true)
            }
            Failure::Slow => true,
            Failure::Timeout { .. } | Failure::SwitchedProtocols | Failure::RequestBody(_) => false,
        }
    }

    pub(super) fn add(&mut self, instance: &Arc<Instance>, failure: Failure) {
        self.instances.push(Arc::clone(instance));
        self.last_failure = Some(failure);
    }
}

impl<'a> Timing<'a> {
    pub(super) fn new(concurrency: &'a Concurrency, limit: Duration, end: Option<Instant>) -> Self {
        Self { concurrency, limit, end, began: None }
    }

    /// An instance has the whole request. The time begins with the first one. Returns when it is over.
    pub(super) fn begin(&mut self, now: Instant) -> Instant {
        let (began, _) = self.began.get_or_insert_with(|| (now, self.concurrency.begin()));
        let end = *began + self.limit;
        self.end.map_or(end, |earlier| end.min(earlier))
    }

    /// How many milliseconds are left.
    pub(super) fn left_ms(&self) -> u64 {
        let spent = self.began.as_ref().map_or(Duration::ZERO, |(began, _)| began.elapsed());
        let mut left = self.limit.saturating_sub(spent);
        if let Some(end) = self.end {
            left = left.min(end.saturating_duration_since(Instant::now()));
        }
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long it took. A request that reached nobody took no time.
    pub(super) fn end(self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |(began, _)| now.saturating_duration_since(began))
    }
}
