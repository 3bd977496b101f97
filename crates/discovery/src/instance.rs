//! One instance of a service: the requests that it has, and its failures.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this many failures in a row an instance is ejected.
const FAILURES_TO_EJECT: u32 = 3;
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(30);
/// How long after its return an instance gets fewer requests than the others.
const SLOW_START: Duration = Duration::from_secs(10);
/// An answer, in the number of which the low half counts the outstanding requests.
const ANSWER: u64 = 1 << 32;

/// A process that serves a service.
#[derive(Debug)]
pub struct Instance {
    id: String,
    address: SocketAddr,
    /// The outstanding requests (low half), and all answers so far (high half, which may overflow).
    work: AtomicU64,
    health: Mutex<Health>,
    /// Whether it has failed since its last answer. Nothing is locked for an instance that is well.
    has_failed: AtomicBool,
    is_ejected: AtomicBool,
    /// Whether it has returned from an ejection a moment ago.
    is_returning: AtomicBool,
    /// Whether it is used although its check fails.
    is_doubted: AtomicBool,
}

/// What callers have found out about an instance.
#[derive(Debug, Default)]
struct Health {
    failures_in_a_row: u32,
    /// How often it was ejected since its last answer.
    ejections_in_a_row: u32,
    /// When an ejected instance is asked whether it answers again.
    probe_at: Option<Instant>,
    /// Whether it was ejected because of its silence, and has not been asked yet.
    is_suspected: bool,
    returned_at: Option<Instant>,
}

/// A request that an instance has. It counts as outstanding until it is dropped.
#[derive(Debug)]
pub struct Outstanding {
    instance: Arc<Instance>,
    /// The answers before it.
    answers: u64,
    is_answered: bool,
}

impl Outstanding {
    /// Whether the instance has answered nothing at all since this request began. Then it probably stands still. An instance that
    /// is only slow with this request answers others.
    pub fn is_silent(&self) -> bool {
        self.instance.answers() == self.answers
    }

    /// The instance has answered, with whatever status.
    pub fn answered(mut self) {
        self.is_answered = true;
        self.instance.succeeded();
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        let work = &self.instance.work;
        if self.is_answered {
            work.fetch_add(ANSWER - 1, Ordering::Relaxed);
        } else {
            work.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Instance {
    pub(crate) fn new(id: String, address: SocketAddr) -> Self {
        Self {
            id,
            address,
            work: AtomicU64::new(0),
            health: Mutex::default(),
            has_failed: AtomicBool::new(false),
            is_ejected: AtomicBool::new(false),
            is_returning: AtomicBool::new(false),
            is_doubted: AtomicBool::new(false),
        }
    }

    /// Its id in Consul.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The address at which it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Notes that a request is sent to it.
    pub fn begin(self: &Arc<Self>) -> Outstanding {
        let before = self.work.fetch_add(1, Ordering::Relaxed);
        Outstanding { instance: Arc::clone(self), answers: before / ANSWER, is_answered: false }
    }

    /// How many requests it has now.
    pub(crate) fn outstanding(&self) -> u64 {
        self.work.load(Ordering::Relaxed) % ANSWER
    }

    fn answers(&self) -> u64 {
        self.work.load(Ordering::Relaxed) / ANSWER
    }

    /// A caller got an answer from it. An ejected instance that answers is used again.
    pub fn succeeded(&self) {
        if self.has_failed.load(Ordering::Acquire) {
            let mut health = self.health();
            let Health { is_suspected, returned_at, .. } = *health;
            *health = Health { is_suspected, returned_at, ..Health::default() };
            self.has_failed.store(false, Ordering::Release);
            if self.is_ejected.load(Ordering::Acquire) {
                self.use_again(&mut health);
            }
        }
    }

    /// A caller could not reach it, or got no answer. `may_eject` says whether enough others are left. Returns whether it is
    /// ejected now.
    pub(crate) fn failed(&self, may_eject: impl FnOnce() -> bool) -> bool {
        let mut health = self.health();
        self.has_failed.store(true, Ordering::Release);
        if self.is_ejected() {
            // A call that began before the ejection says nothing new.
            return false;
        }
        health.failures_in_a_row = health.failures_in_a_row.saturating_add(1);
        if health.failures_in_a_row < FAILURES_TO_EJECT {
            return false;
        }
        // One that is spared is ejected by its next failure, if others are left then.
        health.failures_in_a_row = FAILURES_TO_EJECT - 1;
        if !may_eject() {
            return false;
        }
        let ejection = FIRST_EJECTION.saturating_mul(2_u32.saturating_pow(health.ejections_in_a_row));
        let ejection = ejection.min(LONGEST_EJECTION);
        health.ejections_in_a_row = health.ejections_in_a_row.saturating_add(1);
        self.eject(&mut health, ejection);
        tracing::warn!(id = self.id, ?ejection, "ejecting an instance that does not answer");
        true
    }

    /// It has answered nothing at all, although it has a request. It is ejected, and asked at once: an instance with one slow
    /// request and no other looks like one that stands still. Returns whether it is ejected now.
    pub(crate) fn silent(&self, may_eject: impl FnOnce() -> bool) -> bool {
        let mut health = self.health();
        if self.is_ejected() || !may_eject() {
            return false;
        }
        self.has_failed.store(true, Ordering::Release);
        health.is_suspected = true;
        self.eject(&mut health, Duration::ZERO);
        true
    }

    fn eject(&self, health: &mut Health, until_probe: Duration) {
        health.probe_at = Some(Instant::now() + until_probe);
        self.is_ejected.store(true, Ordering::Release);
        metrics::counter!("discovery_ejections_total").increment(1);
    }

    /// When it is asked whether it answers again. `None` if it is not ejected.
    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.health().probe_at.filter(|_| self.is_ejected())
    }

    /// It has answered the question. It is used again, but the next failure ejects it again, and for longer.
    pub(crate) fn has_recovered(&self) {
        self.use_again(&mut self.health());
    }

    fn use_again(&self, health: &mut Health) {
        if !self.is_ejected() {
            return;
        }
        health.probe_at = None;
        if std::mem::take(&mut health.is_suspected) {
            // It was only slow with one request.
            self.is_ejected.store(false, Ordering::Release);
            return;
        }
        health.returned_at = Some(Instant::now());
        self.is_returning.store(true, Ordering::Release);
        self.is_ejected.store(false, Ordering::Release);
        tracing::info!(id = self.id, "an ejected instance answers, and is used again");
    }

    /// It has not answered the question.
    pub(crate) fn is_still_away(&self, next_probe: Instant) {
        let mut health = self.health();
        if self.is_ejected() {
            health.probe_at = Some(next_probe);
            if std::mem::take(&mut health.is_suspected) {
                tracing::warn!(id = self.id, "ejecting an instance that stands still");
            }
        }
    }

    /// The tenths of its usual share of requests that it gets: fewer than ten for a while after it has returned.
    pub(crate) fn tenths(&self) -> u64 {
        if !self.is_returning.load(Ordering::Acquire) {
            return 10;
        }
        let health = self.health();
        let since = health.returned_at.map_or(SLOW_START, |returned_at| returned_at.elapsed());
        if since >= SLOW_START {
            self.is_returning.store(false, Ordering::Release);
            return 10;
        }
        1 + since.as_secs() * 9 / SLOW_START.as_secs()
    }

    /// Whether its check fails, and it is used nevertheless.
    pub(crate) fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    pub(crate) fn set_doubted(&self, is_doubted: bool) {
        self.is_doubted.store(is_doubted, Ordering::Relaxed);
    }

    /// Whether it is skipped now.
    pub fn is_ejected(&self) -> bool {
        self.is_ejected.load(Ordering::Acquire)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Arc<Instance> {
        Arc::new(Instance::new("a".to_owned(), SocketAddr::from(([127, 0, 0, 1], 1))))
    }

    fn fail(instance: &Instance, times: u32) {
        for _ in 0..times {
            instance.failed(|| true);
        }
    }

    fn time_to_probe(instance: &Instance) -> Option<Duration> {
        instance.probe_at().map(|at| at - Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_eject_until_it_answers_a_question() {
        let instance = instance();
        fail(&instance, 2);
        instance.succeeded();
        fail(&instance, 2);
        assert!(!instance.is_ejected());
        fail(&instance, 1);
        assert!(instance.is_ejected());
        assert_eq!(time_to_probe(&instance), Some(FIRST_EJECTION));
        tokio::time::advance(LONGEST_EJECTION).await;
        assert!(instance.is_ejected());
        instance.has_recovered();
        assert!(!instance.is_ejected() && instance.probe_at().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ejects_at_once_and_the_question_comes_at_once() {
        let instance = instance();
        assert!(!instance.silent(|| false));
        assert!(instance.silent(|| true));
        assert!(instance.is_ejected());
        assert_eq!(time_to_probe(&instance), Some(Duration::ZERO));
        instance.is_still_away(Instant::now() + FIRST_EJECTION);
        instance.has_recovered();
        assert_eq!(instance.tenths(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_only_slow_has_its_whole_share_at_once() {
        let instance = instance();
        assert!(instance.silent(|| true));
        instance.has_recovered();
        assert!(!instance.is_ejected());
        assert_eq!(instance.tenths(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_answers_the_question_and_fails_again_is_ejected_twice_as_long_up_to_a_bound() {
        let instance = instance();
        fail(&instance, 3);
        for expected in [2, 4, 8, 16, 30, 30] {
            instance.has_recovered();
            fail(&instance, 1);
            assert_eq!(time_to_probe(&instance), Some(Duration::from_secs(expected)));
        }
        instance.has_recovered();
        instance.succeeded();
        fail(&instance, 3);
        assert_eq!(time_to_probe(&instance), Some(FIRST_EJECTION));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_one_burst_count_once_it_is_ejected() {
        let instance = instance();
        fail(&instance, 100);
        assert_eq!(time_to_probe(&instance), Some(FIRST_EJECTION));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_an_ejection() {
        let instance = instance();
        fail(&instance, 3);
        instance.succeeded();
        assert!(!instance.is_ejected());
        assert_eq!(instance.tenths(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn after_its_return_it_gets_more_and_more_requests() {
        let instance = instance();
        assert_eq!(instance.tenths(), 10);
        fail(&instance, 3);
        instance.has_recovered();
        let mut tenths = Vec::new();
        for _ in 0..=10 {
            tenths.push(instance.tenths());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(tenths, [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn it_is_silent_while_it_answers_nobody() {
        let instance = instance();
        let (first, second) = (instance.begin(), instance.begin());
        assert_eq!(instance.outstanding(), 2);
        assert!(first.is_silent());
        drop(second);
        assert_eq!(instance.outstanding(), 1);
        assert!(first.is_silent(), "a request that was given up is no answer");
        instance.begin().answered();
        assert!(!first.is_silent());
        assert!(instance.begin().is_silent(), "answers before it do not count");
        drop(first);
        assert_eq!(instance.outstanding(), 0);
    }
}
