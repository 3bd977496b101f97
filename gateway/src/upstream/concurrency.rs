//! How many requests a service has at once: a limit that adapts (AIMD, as TCP's window).
//!
//! While most answers begin later than the latency target, the service has more requests than it can answer in time, and the limit
//! is made smaller by a part. Otherwise it grows by a constant. What is beyond the limit is refused at once; so those that are
//! let through are answered in time, also when twice as many come as can be answered. The latency contains the waiting of the
//! gateway itself, so the limit protects the gateway, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};
use tokio::time::Instant;

use crate::settings::ConcurrencySettings;

const LIMIT: &str = "gateway_concurrency_limit";
const IN_FLIGHT: &str = "gateway_concurrency_in_flight";
const SHED: &str = "gateway_shed_requests_total";

/// The limit changes at most once in so many milliseconds, and not before so many answers.
const PERIOD_MS: u64 = 200;
const FEWEST_ANSWERS: u32 = 10;
/// What is left of the limit when it is made smaller: eight tenths.
const LEFT: (usize, usize) = (8, 10);
/// How much it grows: a part of the largest limit.
const GROWTH: usize = 50;

/// See the module.
#[derive(Debug)]
pub(super) struct Concurrency {
    settings: ConcurrencySettings,
    began: Instant,
    limit: AtomicUsize,
    in_flight: Arc<AtomicUsize>,
    answers: AtomicU32,
    late: AtomicU32,
    /// When the limit may change again, in milliseconds since the start.
    next_change: AtomicU64,
    limit_gauge: Gauge,
    in_flight_gauge: Gauge,
    shed: Counter,
}

/// The service has as many requests as the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A request that the service has.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Concurrency);

pub(super) fn describe() {
    metrics::describe_gauge!(LIMIT, "How many requests a service may have at once; it adapts to the latency");
    metrics::describe_gauge!(IN_FLIGHT, "How many requests a service had when the limit was last looked at");
    metrics::describe_counter!(SHED, "Requests that were refused because a service had too many at once");
}

impl Concurrency {
    pub(super) fn new(service: &Arc<str>, settings: &ConcurrencySettings, began: Instant) -> Self {
        let limit = settings.max_limit.max(settings.min_limit);
        Self::beginning_with(limit, Arc::default(), service, settings, began)
    }

    /// Goes on with other settings: from the limit of now, and with the requests that the service has.
    pub(super) fn with(&self, service: &Arc<str>, settings: &ConcurrencySettings) -> Self {
        let limit = self.limit().min(settings.max_limit).max(settings.min_limit);
        Self::beginning_with(limit, Arc::clone(&self.in_flight), service, settings, self.began)
    }

    fn beginning_with(
        limit: usize,
        in_flight: Arc<AtomicUsize>,
        service: &Arc<str>,
        settings: &ConcurrencySettings,
        began: Instant,
    ) -> Self {
        let concurrency = Self {
            settings: settings.clone(),
            began,
            limit: AtomicUsize::new(limit),
            in_flight,
            answers: AtomicU32::new(0),
            late: AtomicU32::new(0),
            next_change: AtomicU64::new(0),
            limit_gauge: gauge!(LIMIT, "service" => Arc::clone(service)),
            in_flight_gauge: gauge!(IN_FLIGHT, "service" => Arc::clone(service)),
            shed: counter!(SHED, "service" => Arc::clone(service)),
        };
        concurrency.limit_gauge.set(gauge_value(limit));
        concurrency
    }

    /// With which settings it was made.
    pub(super) fn settings(&self) -> &ConcurrencySettings {
        &self.settings
    }

    /// How many requests the service may have now.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many it has.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Refuses a request if the service has too many. It does not count before [`Self::begin`].
    pub(super) fn check(&self) -> Result<(), Full> {
        if self.in_flight() < self.limit() {
            return Ok(());
        }
        self.shed.increment(1);
        Err(Full)
    }

    /// The service has all of a request, until this is dropped.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// An answer began now, or the time for it is over, so long after the request.
    pub(super) fn answered(&self, latency: Duration, now: Instant) {
        let is_late = latency > self.settings.latency_target();
        if is_late {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        let answers = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        if answers < FEWEST_ANSWERS {
            return;
        }
        let since = now.saturating_duration_since(self.began);
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let due = self.next_change.load(Ordering::Relaxed);
        let next = now + PERIOD_MS;
        let is_ours = now >= due
            && self.next_change.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_ours {
            let (answers, late) =
                (self.answers.swap(0, Ordering::Relaxed), self.late.swap(0, Ordering::Relaxed));
            self.change(late > answers / 2);
        }
    }

    fn change(&self, is_overloaded: bool) {
        let ConcurrencySettings { min_limit, max_limit, .. } = self.settings;
        let old = self.limit();
        let new = if is_overloaded { old * LEFT.0 / LEFT.1 } else { old + max_limit.div_ceil(GROWTH) };
        let new = new.min(max_limit).max(min_limit);
        self.limit.store(new, Ordering::Relaxed);
        self.limit_gauge.set(gauge_value(new));
        self.in_flight_gauge.set(gauge_value(self.in_flight()));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn gauge_value(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(1);
    const LATE: Duration = Duration::from_secs(2);

    fn concurrency(min_limit: usize, max_limit: usize) -> Concurrency {
        let settings = ConcurrencySettings { min_limit, max_limit, ..ConcurrencySettings::default() };
        Concurrency::new(&Arc::from("member-api"), &settings, Instant::now())
    }

    /// A period with these answers. Returns the limit after it.
    async fn period(concurrency: &Concurrency, fast: usize, late: usize) -> usize {
        tokio::time::advance(Duration::from_millis(PERIOD_MS)).await;
        (0..fast).for_each(|_| concurrency.answered(FAST, Instant::now()));
        (0..late).for_each(|_| concurrency.answered(LATE, Instant::now()));
        concurrency.limit()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_beyond_the_limit_is_refused_and_a_place_that_is_left_is_free() {
        let concurrency = concurrency(1, 2);
        let (first, _second) = (concurrency.begin(), concurrency.begin());
        assert_eq!(concurrency.check(), Err(Full));
        drop(first);
        assert_eq!(concurrency.check(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn while_most_answers_are_late_it_shrinks_down_to_the_minimum() {
        let concurrency = concurrency(64, 1_000);
        assert_eq!(period(&concurrency, 0, 10).await, 800);
        assert_eq!(period(&concurrency, 0, 10).await, 640);
        for _ in 0..30 {
            period(&concurrency, 0, 10).await;
        }
        assert_eq!(period(&concurrency, 0, 10).await, 64);
        assert_eq!(concurrency.check(), Ok(()), "few requests are never refused");
    }

    #[tokio::test(start_paused = true)]
    async fn it_grows_again_and_some_late_answers_do_not_matter() {
        let concurrency = concurrency(64, 1_000);
        period(&concurrency, 0, 10).await;
        assert_eq!(period(&concurrency, 6, 4).await, 820);
        for _ in 0..30 {
            period(&concurrency, 10, 0).await;
        }
        assert_eq!(period(&concurrency, 10, 0).await, 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn other_settings_keep_the_limit_within_their_bounds_and_the_requests_that_run() {
        let old = concurrency(1, 1_000);
        period(&old, 0, 10).await;
        let running = old.begin();
        let with = |min_limit, max_limit| {
            let settings = ConcurrencySettings { min_limit, max_limit, ..ConcurrencySettings::default() };
            old.with(&Arc::from("member-api"), &settings)
        };
        assert_eq!(with(1, 2_000).limit(), 800);
        assert_eq!(with(900, 2_000).limit(), 900);
        let new = with(1, 1);
        assert_eq!(new.check(), Err(Full));
        drop(running);
        assert_eq!(new.check(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_changes_once_in_a_period_and_not_by_a_few_answers() {
        let concurrency = concurrency(64, 1_000);
        assert_eq!(period(&concurrency, 0, 9).await, 1_000);
        assert_eq!(period(&concurrency, 0, 500).await, 800);
    }
}
