//! The circuit breaker of a service: while most calls fail or are slow, the others are refused at once, so that nobody waits for a
//! service that does not answer, and the service is not asked by everybody when it comes back.
//!
//! It is *closed* while all is well, and *open* for a while after that. Then it is *half-open*: some calls are let through, and by
//! their ends it closes or opens again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Gauge, counter, gauge};
use tokio::time::Instant;

use super::window::{Ended, Sums, Window};
use crate::settings::BreakerSettings;

const STATE: &str = "gateway_breaker_state";
const CHANGES: &str = "gateway_breaker_transitions_total";
const REFUSED: &str = "gateway_breaker_refused_total";

/// See the module.
#[derive(Debug)]
pub(super) struct Breaker {
    service: Arc<str>,
    settings: BreakerSettings,
    /// The calls of the last seconds.
    window: Arc<Window>,
    began: Instant,
    /// How long the calls of a half-open breaker may take before others are let through.
    longest_call: Duration,
    /// Nothing is locked while it is closed.
    is_closed: AtomicBool,
    state: Mutex<State>,
    gauge: Gauge,
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen(Trial),
}

/// The calls that a half-open breaker has let through.
#[derive(Debug)]
struct Trial {
    began: Instant,
    /// How many more are let through.
    left: u32,
    ended: Sums,
}

/// The breaker is open. A call is worth trying after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open(pub(super) Duration);

/// A call that is let through. If it is dropped before its end, it counts for nothing.
#[derive(Debug)]
pub(super) struct Call<'a> {
    breaker: &'a Breaker,
    /// When the trial of a half-open breaker began, if the call belongs to one.
    trial: Option<Instant>,
}

pub(super) fn describe() {
    metrics::describe_gauge!(STATE, "The circuit breaker of a service: 0 closed, 1 half-open, 2 open");
    metrics::describe_counter!(CHANGES, "Changes of the circuit breaker of a service, by the new state");
    metrics::describe_counter!(REFUSED, "Requests that were refused because the circuit breaker was open");
}

impl Breaker {
    pub(super) fn new(
        service: &Arc<str>,
        settings: &BreakerSettings,
        window: Arc<Window>,
        began: Instant,
        longest_call: Duration,
    ) -> Self {
        let gauge = gauge!(STATE, "service" => Arc::clone(service));
        gauge.set(0);
        Self {
            service: Arc::clone(service),
            settings: settings.clone(),
            window,
            began,
            longest_call,
            is_closed: AtomicBool::new(true),
            state: Mutex::new(State::Closed),
            gauge,
        }
    }

    /// Whether it was made with these settings.
    pub(super) fn is_of(&self, settings: &BreakerSettings, longest_call: Duration) -> bool {
        (&self.settings, self.longest_call) == (settings, longest_call)
    }

    /// The state, as people read it, and after how long a call is worth trying if it refuses all now.
    pub(super) fn shown(&self) -> (&'static str, Option<Duration>) {
        match &*self.state() {
            State::Closed => ("closed", None),
            State::Open { until } => ("open", Some(until.saturating_duration_since(Instant::now()))),
            State::HalfOpen(_) => ("half-open", None),
        }
    }

    /// Lets a call through, or refuses it.
    pub(super) fn enter(&self) -> Result<Call<'_>, Open> {
        if self.is_closed.load(Ordering::Acquire) {
            return Ok(Call { breaker: self, trial: None });
        }
        let entered = self.try_trial(Instant::now());
        if entered.is_err() {
            counter!(REFUSED, "service" => Arc::clone(&self.service)).increment(1);
        }
        entered
    }

    fn try_trial(&self, now: Instant) -> Result<Call<'_>, Open> {
        let mut state = self.state();
        match &mut *state {
            State::Closed => return Ok(Call { breaker: self, trial: None }),
            State::Open { until } if now < *until => return Err(Open(*until - now)),
            State::Open { .. } => {
                self.report("half_open", 1);
                *state = State::HalfOpen(self.trial(now));
            }
            // Its calls hang, or their clients do.
            State::HalfOpen(trial) if now >= trial.began + self.longest_call => *trial = self.trial(now),
            State::HalfOpen(_) => {}
        }
        match &mut *state {
            State::HalfOpen(trial) if trial.left > 0 => {
                trial.left -= 1;
                Ok(Call { breaker: self, trial: Some(trial.began) })
            }
            _ => Err(Open(self.settings.wait_duration_in_open_state())),
        }
    }

    fn trial(&self, now: Instant) -> Trial {
        let left = self.settings.permitted_number_of_calls_in_half_open_state;
        Trial { began: now, left, ended: Sums::default() }
    }

    fn ended(&self, trial: Option<Instant>, ended: Ended, now: Instant) {
        let Some(trial) = trial else {
            let now = now.saturating_duration_since(self.began);
            self.window.add(ended, now);
            if (ended.has_failed || ended.is_slow) && self.is_closed.load(Ordering::Acquire) {
                let sums = self.window.sums(now);
                if sums.calls >= self.settings.minimum_number_of_calls && self.is_bad(sums) {
                    self.open(&mut self.state(), sums);
                }
            }
            return;
        };
        let mut state = self.state();
        let State::HalfOpen(current) = &mut *state else { return };
        if current.began != trial {
            return;
        }
        let sums = &mut current.ended;
        sums.calls += 1;
        sums.failed += u32::from(ended.has_failed);
        sums.slow += u32::from(ended.is_slow);
        if sums.calls < self.settings.permitted_number_of_calls_in_half_open_state {
            return;
        }
        let sums = *sums;
        if self.is_bad(sums) {
            self.open(&mut state, sums);
        } else {
            self.window.forget_calls();
            *state = State::Closed;
            self.is_closed.store(true, Ordering::Release);
            self.report("closed", 0);
            tracing::info!(service = &*self.service, "the circuit breaker closes: the service answers again");
        }
    }

    /// Gives back the place of a call that has ended without saying anything about the service.
    fn give_back(&self, trial: Instant) {
        if let State::HalfOpen(current) = &mut *self.state()
            && current.began == trial
        {
            current.left += 1;
        }
    }

    fn is_bad(&self, sums: Sums) -> bool {
        sums.reach(sums.failed, self.settings.failure_rate_threshold)
            || sums.reach(sums.slow, self.settings.slow_call_rate_threshold)
    }

    fn open(&self, state: &mut State, sums: Sums) {
        if matches!(state, State::Open { .. }) {
            return;
        }
        *state = State::Open { until: Instant::now() + self.settings.wait_duration_in_open_state() };
        self.is_closed.store(false, Ordering::Release);
        self.report("open", 2);
        let Sums { calls, failed, slow, .. } = sums;
        let service = &*self.service;
        tracing::warn!(service, calls, failed, slow, "the circuit breaker opens: requests are refused");
    }

    fn report(&self, state: &'static str, number: u32) {
        self.gauge.set(number);
        counter!(CHANGES, "service" => Arc::clone(&self.service), "state" => state).increment(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call<'_> {
    /// The call has ended now.
    pub(super) fn end(mut self, ended: Ended, now: Instant) {
        self.breaker.ended(self.trial.take(), ended, now);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(trial) = self.trial {
            self.breaker.give_back(trial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Ended = Ended { has_failed: false, is_slow: false };
    const FAILED: Ended = Ended { has_failed: true, is_slow: false };
    const SLOW: Ended = Ended { has_failed: false, is_slow: true };
    const WAIT: Duration = Duration::from_secs(1);
    const LONGEST_CALL: Duration = Duration::from_secs(15);

    fn breaker() -> Breaker {
        let settings = BreakerSettings {
            minimum_number_of_calls: 10,
            permitted_number_of_calls_in_half_open_state: 2,
            ..BreakerSettings::default()
        };
        let window = Arc::new(Window::new(settings.sliding_window_size_s));
        Breaker::new(&Arc::from("member-api"), &settings, window, Instant::now(), LONGEST_CALL)
    }

    fn calls(breaker: &Breaker, times: usize, ended: Ended) {
        (0..times).for_each(|_| breaker.enter().unwrap().end(ended, Instant::now()));
    }

    fn opened() -> Breaker {
        let breaker = breaker();
        calls(&breaker, 10, FAILED);
        assert_eq!(breaker.enter().unwrap_err(), Open(WAIT));
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_the_failure_rate_and_not_with_fewer_calls_than_the_minimum() {
        let breaker = breaker();
        calls(&breaker, 9, FAILED);
        calls(&breaker, 10, GOOD);
        assert!(breaker.enter().is_ok(), "9 of 19");
        calls(&breaker, 1, FAILED);
        assert!(breaker.enter().is_err(), "10 of 20");
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_the_rate_of_slow_calls() {
        let breaker = breaker();
        calls(&breaker, 2, GOOD);
        calls(&breaker, 7, SLOW);
        assert!(breaker.enter().is_ok());
        calls(&breaker, 1, SLOW);
        assert!(breaker.enter().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn old_failures_are_forgotten() {
        let breaker = breaker();
        calls(&breaker, 9, FAILED);
        tokio::time::advance(Duration::from_secs(11)).await;
        calls(&breaker, 9, FAILED);
        assert!(breaker.enter().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_while_some_calls_find_out_whether_it_closes() {
        let breaker = opened();
        tokio::time::advance(WAIT).await;
        let (first, second) = (breaker.enter().unwrap(), breaker.enter().unwrap());
        assert!(breaker.enter().is_err());
        first.end(GOOD, Instant::now());
        assert!(breaker.enter().is_err(), "the other one has not ended");
        second.end(GOOD, Instant::now());
        calls(&breaker, 1, FAILED);
        assert!(breaker.enter().is_ok(), "the failures before are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_again_if_they_fail() {
        let breaker = opened();
        tokio::time::advance(WAIT).await;
        let (first, second) = (breaker.enter().unwrap(), breaker.enter().unwrap());
        first.end(GOOD, Instant::now());
        second.end(FAILED, Instant::now());
        assert_eq!(breaker.enter().unwrap_err(), Open(WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_of_a_client_that_has_gone_is_given_to_the_next_one() {
        let breaker = opened();
        tokio::time::advance(WAIT).await;
        for _ in 0..10 {
            drop(breaker.enter().unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_do_not_end_do_not_keep_it_half_open_for_ever() {
        let breaker = opened();
        tokio::time::advance(WAIT).await;
        let hanging = [breaker.enter().unwrap(), breaker.enter().unwrap()];
        tokio::time::advance(LONGEST_CALL).await;
        calls(&breaker, 2, GOOD);
        assert!(breaker.enter().is_ok());
        for late in hanging {
            late.end(FAILED, Instant::now());
        }
        assert!(breaker.enter().is_ok(), "what is late says nothing any more");
    }
}
