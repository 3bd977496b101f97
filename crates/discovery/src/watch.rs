//! Following Consul's list of a service by blocking queries.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::consul::{Consul, ConsulError, Healthy, WAIT};
use crate::instances::Snapshot;

/// A Consul that comes back may have lost everything; everybody registers again within this time.
const RESTART_GRACE: Duration = Duration::from_secs(15);

/// The task behind an [`crate::Instances`].
pub(crate) struct Watch {
    consul: Consul,
    snapshot: Arc<Snapshot>,
    state: State,
}

/// What decides whether an answer is believed, and what is asked next.
#[derive(Debug, Default)]
struct State {
    /// The index of the last answer; zero asks for an answer at once.
    index: u64,
    /// Whether the last query failed.
    lost: bool,
    /// Until when an empty list is taken for the memory loss of a Consul that was restarted.
    doubt_empty_until: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Believe,
    Doubt,
}

impl State {
    /// Takes note of an answer. Consul's index goes backwards when its state was lost or restored, and must then be
    /// asked from the beginning again.
    fn answered(&mut self, index: u64, empty: bool, known: bool, now: Instant) -> Verdict {
        let backwards = index < self.index;
        if self.lost || backwards {
            self.doubt_empty_until = Some(now + RESTART_GRACE);
        }
        self.lost = false;
        self.index = if backwards { 0 } else { index };
        let in_doubt = self.doubt_empty_until.is_some_and(|until| now < until);
        if empty && known && in_doubt { Verdict::Doubt } else { Verdict::Believe }
    }

    fn failed(&mut self) {
        self.lost = true;
        self.index = 0;
    }

    /// How long the next query may wait for news: not beyond the moment when an empty list has to be believed.
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

    /// Follows for ever; ended from outside.
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
                    tokio::time::sleep(backoff.step()).await;
                }
            }
        }
    }

    fn take(&mut self, answer: Healthy) {
        let Healthy { index, instances } = answer;
        let known = !self.snapshot.is_empty();
        match self.state.answered(index, instances.is_empty(), known, Instant::now()) {
            Verdict::Believe => self.snapshot.replace(instances),
            Verdict::Doubt => tracing::warn!(
                service = self.snapshot.service(),
                "Consul came back without any instance; keeping those known before for a while"
            ),
        }
    }

    /// One warning as contact is lost; what follows until it is found again is no news.
    fn lose(&mut self, error: &ConsulError) {
        metrics::counter!("discovery_consul_errors_total").increment(1);
        if !self.state.lost {
            tracing::warn!(
                service = self.snapshot.service(),
                error = error as &dyn std::error::Error,
                "no word from Consul; keeping the instances known before"
            );
        }
        self.state.failed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_is_believed_from_a_consul_that_was_there_all_along() {
        let mut state = State::default();
        assert_eq!(state.answered(7, false, false, Instant::now()), Verdict::Believe);
        assert_eq!(state.answered(9, true, true, Instant::now()), Verdict::Believe);
        assert_eq!(state.index, 9);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_after_a_restart_is_doubted_for_a_while() {
        let mut state = State::default();
        state.answered(7, false, false, Instant::now());
        state.failed();
        assert_eq!(state.answered(3, true, true, Instant::now()), Verdict::Doubt);
        assert_eq!(state.wait(Instant::now()), RESTART_GRACE);
        tokio::time::advance(RESTART_GRACE).await;
        assert_eq!(state.answered(3, true, true, Instant::now()), Verdict::Believe);
        assert_eq!(state.wait(Instant::now()), WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_index_that_goes_backwards_starts_over() {
        let mut state = State::default();
        state.answered(70, false, false, Instant::now());
        assert_eq!(state.answered(3, true, true, Instant::now()), Verdict::Doubt);
        assert_eq!(state.index, 0);
        assert_eq!(state.answered(3, false, true, Instant::now()), Verdict::Believe);
        assert_eq!(state.index, 3);
    }
}
