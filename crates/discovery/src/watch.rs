//! Following Consul's list of a service by blocking queries.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::belief::Belief;
use crate::consul::{Consul, ConsulError, Listed, WAIT};
use crate::snapshot::Snapshot;

/// The task behind an [`crate::Instances`].
pub(crate) struct Watch {
    consul: Consul,
    snapshot: Arc<Snapshot>,
    state: State,
    belief: Belief,
}

/// It decides what is asked next, and whether Consul may have lost its state.
#[derive(Debug, Default)]
struct State {
    /// The index of the last answer. With zero, Consul answers at once.
    index: u64,
    /// Whether the last query failed.
    lost: bool,
}

impl State {
    /// Notes an answer. Consul's index goes backwards when its state was lost or restored; then the next query starts without
    /// an index. Returns whether the state may have been lost: a Consul that was away may have been restarted.
    fn answered(&mut self, index: u64) -> bool {
        let backwards = index < self.index;
        let may_be_lost = self.lost || backwards;
        self.lost = false;
        self.index = if backwards { 0 } else { index };
        may_be_lost
    }

    fn failed(&mut self) {
        self.lost = true;
        self.index = 0;
    }
}

impl Watch {
    pub(crate) fn new(consul: Consul, snapshot: Arc<Snapshot>) -> Self {
        Self { consul, snapshot, state: State::default(), belief: Belief::default() }
    }

    /// Watches for ever. It is ended by aborting its task.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let wait = self.wait();
            match self.consul.listed(self.snapshot.service(), self.state.index, wait).await {
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

    /// How long the next query may wait for a change: at most until a doubt ends.
    fn wait(&self) -> Duration {
        self.belief.next_end_of_doubt(Instant::now()).unwrap_or(WAIT).min(WAIT)
    }

    fn take(&mut self, answer: Listed) {
        let Listed { index, records } = answer;
        let now = Instant::now();
        if self.state.answered(index) {
            self.belief.consul_was_lost(now);
        }
        self.snapshot.replace(self.belief.update(records, now));
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

    #[test]
    fn a_consul_that_was_away_may_have_lost_its_state() {
        let mut state = State::default();
        assert!(!state.answered(7));
        assert!(!state.answered(9));
        state.failed();
        assert_eq!(state.index, 0);
        assert!(state.answered(9));
        assert!(!state.answered(10));
    }

    #[test]
    fn an_index_that_goes_backwards_starts_over() {
        let mut state = State::default();
        state.answered(70);
        assert!(state.answered(3));
        assert_eq!(state.index, 0);
        assert!(!state.answered(3));
        assert_eq!(state.index, 3);
    }
}
