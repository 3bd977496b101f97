//! One instance of a service, and what its callers have found out about it.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row, and an instance is passed over.
const FAILURES_TO_EJECT: u32 = 3;
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(30);

/// A process that serves a service.
#[derive(Debug)]
pub struct Instance {
    id: String,
    address: SocketAddr,
    experience: Mutex<Experience>,
}

#[derive(Debug, Default)]
struct Experience {
    failures_in_a_row: u32,
    ejected_until: Option<Instant>,
}

impl Instance {
    pub(crate) fn new(id: String, address: SocketAddr) -> Self {
        Self { id, address, experience: Mutex::default() }
    }

    /// Its name in Consul.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A caller got an answer from it.
    pub fn succeeded(&self) {
        *self.experience() = Experience::default();
    }

    /// A caller could not reach it, or got no answer. After three times in a row it is passed over for a second, and
    /// twice as long after each failure that follows, up to 30 s: Consul sees a dead process, but not one that
    /// we alone can't reach.
    pub fn failed(&self) {
        let now = Instant::now();
        let mut experience = self.experience();
        if experience.is_ejected(now) {
            // What was under way when it was ejected says nothing new.
            return;
        }
        experience.failures_in_a_row = experience.failures_in_a_row.saturating_add(1);
        if let Some(beyond) = experience.failures_in_a_row.checked_sub(FAILURES_TO_EJECT) {
            let factor = 2_u32.saturating_pow(beyond);
            let ejection = FIRST_EJECTION.saturating_mul(factor).min(LONGEST_EJECTION);
            experience.ejected_until = Some(now + ejection);
            metrics::counter!("discovery_ejections_total").increment(1);
            tracing::warn!(id = self.id, ?ejection, "passing over an instance that does not answer");
        }
    }

    /// Whether it is passed over for the moment.
    pub fn is_ejected(&self) -> bool {
        self.experience().is_ejected(Instant::now())
    }

    fn experience(&self) -> std::sync::MutexGuard<'_, Experience> {
        self.experience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Experience {
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
            instance.failed();
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
