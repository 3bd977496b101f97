//! One instance of a service, and its failures.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this many failures in a row an instance is ejected.
const FAILURES_TO_EJECT: u32 = 3;
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(30);

/// A process that serves a service.
#[derive(Debug)]
pub struct Instance {
    id: String,
    address: SocketAddr,
    health: Mutex<Health>,
    /// Whether it has failed since its last answer. Nothing is locked for an instance that is well.
    has_failed: AtomicBool,
    /// Whether it is used although its check fails.
    is_doubted: AtomicBool,
}

/// What callers have found out about an instance.
#[derive(Debug, Default)]
struct Health {
    failures_in_a_row: u32,
    ejected_until: Option<Instant>,
}

impl Instance {
    pub(crate) fn new(id: String, address: SocketAddr) -> Self {
        Self {
            id,
            address,
            health: Mutex::default(),
            has_failed: AtomicBool::new(false),
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

    /// A caller got an answer from it.
    pub fn succeeded(&self) {
        if self.has_failed.load(Ordering::Acquire) {
            let mut health = self.health();
            *health = Health::default();
            self.has_failed.store(false, Ordering::Release);
        }
    }

    /// A caller could not reach it, or got no answer. `may_eject` says whether enough others are left.
    pub(crate) fn failed(&self, may_eject: impl FnOnce() -> bool) {
        let now = Instant::now();
        let mut health = self.health();
        self.has_failed.store(true, Ordering::Release);
        if health.is_ejected(now) {
            // A call that began before the ejection says nothing new.
            return;
        }
        health.failures_in_a_row = health.failures_in_a_row.saturating_add(1);
        let Some(further) = health.failures_in_a_row.checked_sub(FAILURES_TO_EJECT) else { return };
        if !may_eject() {
            // It is ejected by its next failure, if others are left then, and not for longer because of this one.
            health.failures_in_a_row -= 1;
            return;
        }
        let factor = 2_u32.saturating_pow(further);
        let ejection = FIRST_EJECTION.saturating_mul(factor).min(LONGEST_EJECTION);
        health.ejected_until = Some(now + ejection);
        metrics::counter!("discovery_ejections_total").increment(1);
        tracing::warn!(id = self.id, ?ejection, "ejecting an instance that does not answer");
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
        self.has_failed.load(Ordering::Acquire) && self.health().is_ejected(Instant::now())
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        Instance::new("a".to_owned(), SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    fn fail(instance: &Instance, times: u32) {
        for _ in 0..times {
            instance.failed(|| true);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_eject_for_a_second() {
        let instance = instance();
        fail(&instance, 2);
        instance.succeeded();
        fail(&instance, 2);
        assert!(!instance.is_ejected());
        fail(&instance, 1);
        assert!(instance.is_ejected());
        tokio::time::advance(FIRST_EJECTION).await;
        assert!(!instance.is_ejected());
    }

    #[tokio::test(start_paused = true)]
    async fn each_further_failure_doubles_the_time_up_to_a_bound() {
        let instance = instance();
        fail(&instance, 3);
        tokio::time::advance(FIRST_EJECTION).await;
        fail(&instance, 1);
        tokio::time::advance(FIRST_EJECTION).await;
        assert!(instance.is_ejected());
        for _ in 0..40 {
            tokio::time::advance(LONGEST_EJECTION).await;
            assert!(!instance.is_ejected());
            fail(&instance, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_one_burst_count_once_it_is_ejected() {
        let instance = instance();
        fail(&instance, 100);
        tokio::time::advance(FIRST_EJECTION).await;
        assert!(!instance.is_ejected());
    }
}
