//! Following Consul's list of a service by blocking queries.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::consul::{Consul, ConsulError, Healthy, WAIT};
use crate::snapshot::Snapshot;

/// A Consul that was restarted may have lost everything. All processes register again within this time.
const RESTART_GRACE: Duration = Duration::from_secs(15);

/// The task behind an [`crate::Instances`].
pub(crate) struct Watch {
    consul: Consul,
    snapshot: Arc<Snapshot>,
    state: State,
}

/// It decides whether an answer is accepted, and what is asked next.
#[derive(Debug, Default)]
struct State {
    /// The index of the last answer. With zero, Consul answers at once.
    index: u64,
    /// Whether the last query failed.
    lost: bool,
    /// Until then, an empty list is taken for the lost state of a Consul that was restarted.
    doubt_empty_until: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum Decision {
    Accept,
    Ignore,
}

impl State {
    /// Notes an answer. Consul's index goes backwards when its state was lost or restored. Then the next query begins anew.
    fn answered(&mut self, index: u64, empty: bool, known: bool, now: Instant) -> Decision {
        let backwards = index < self.index;
        if self.lost || backwards {
            self.doubt_empty_until = Some(now + RESTART_GRACE);
        }
        self.lost = false;
        self.index = if backwards { 0 } else { index };
        let in_doubt = self.doubt_empty_until.is_some_and(|until| now < until);
        if empty && known && in_doubt { Decision::Ignore } else { Decision::Accept }
    }

    fn failed(&mut self) {
        self.lost = true;
        self.index = 0;
    }

    /// How long the next query may wait for a change: at most until an empty list has to be accepted.
    fn wait(&self, now: Instant) -> Duration {
        match self.doubt_empty_until {
            Some(until) if now < until => (until - now).min(WAIT),
            _ => WAIT,
        }
    }
}

impl Watch {
    pub(crate) fn new(consul: Consul, snapshot: Arc<Snapshot>) -> Self {
        Self { consul, snapshot, state: State::default() }
    }

    /// Watches for ever. It is ended by aborting its task.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let wait = self.state.wait(Instant::now());
            match self.consul.healthy(self.snapshot.service(), self.state.index, wait).await {
                Ok(answer) => {
                    backoff.reset();
                    self.take(answer);
                }
                Err(error) => {
                    self.lose(&error);
                    tokio::time::sleep(backoff.next_pause()).await;
                }
            }
        }
    }

    fn take(&mut self, answer: Healthy) {
        let Healthy { index, instances } = answer;
        let known = !self.snapshot.is_empty();
        match self.state.answered(index, instances.is_empty(), known, Instant::now()) {
            Decision::Accept => self.snapshot.replace(instances),
            Decision::Ignore => tracing::warn!(
                service = self.snapshot.service(),
                "Consul came back without any instance; the known instances are kept for a while"
            ),
        }
    }

    /// Logs one warning when Consul stops answering. The failures that follow are not logged.
    fn lose(&mut self, error: &ConsulError) {
        metrics::counter!("discovery_consul_errors_total").increment(1);
        if !self.state.lost {
            tracing::warn!(
                service = self.snapshot.service(),
                error = error as &dyn std::error::Error,
                "Consul does not answer; the known instances are kept"
            );
        }
        self.state.failed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_is_accepted_from_a_consul_that_has_always_answered() {
        let mut state = State::default();
        assert_eq!(state.answered(7, false, false, Instant::now()), Decision::Accept);
        assert_eq!(state.answered(9, true, true, Instant::now()), Decision::Accept);
        assert_eq!(state.index, 9);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_after_a_restart_is_ignored_for_a_while() {
        let mut state = State::default();
        state.answered(7, false, false, Instant::now());
        state.failed();
        assert_eq!(state.answered(3, true, true, Instant::now()), Decision::Ignore);
        assert_eq!(state.wait(Instant::now()), RESTART_GRACE);
        tokio::time::advance(RESTART_GRACE).await;
        assert_eq!(state.answered(3, true, true, Instant::now()), Decision::Accept);
        assert_eq!(state.wait(Instant::now()), WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_index_that_goes_backwards_starts_over() {
        let mut state = State::default();
        state.answered(70, false, false, Instant::now());
        assert_eq!(state.answered(3, true, true, Instant::now()), Decision::Ignore);
        assert_eq!(state.index, 0);
        assert_eq!(state.answered(3, false, true, Instant::now()), Decision::Accept);
        assert_eq!(state.index, 3);
    }
}
