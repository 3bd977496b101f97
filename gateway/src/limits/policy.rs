//! A policy, made from the settings.

use std::sync::Arc;
use std::time::Duration;

use metrics::Counter;

use super::gcra::{Rate, Standing};
use crate::settings::{LimitedBy, PolicySettings};

const REFUSED: &str = "gateway_rate_limited_total";

/// See the module.
#[derive(Debug)]
pub(crate) struct Policy {
    /// It stands for the name: a policy that takes the place of one with the same name has the same number.
    pub(super) number: usize,
    pub(crate) name: String,
    pub(crate) by: LimitedBy,
    pub(super) rate: Rate,
    pub(crate) window: Duration,
    /// Counts the requests that were refused.
    pub(super) refused: Counter,
}

/// A request that was counted, and what is left of the limit after it.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) policy: Arc<Policy>,
    pub(super) standing: Standing,
}

pub(super) fn describe() {
    metrics::describe_counter!(REFUSED, "Requests that were refused because of a limit, by its policy");
}

/// A time in microseconds.
pub(super) fn time(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

impl Policy {
    pub(super) fn new(number: usize, name: &str, settings: &PolicySettings) -> Self {
        let window = Duration::from_secs(settings.window_s.into());
        Self {
            number,
            name: name.to_owned(),
            by: settings.by,
            rate: Rate::new(settings.requests.into(), u64::from(settings.window_s) * 1_000_000),
            window,
            refused: metrics::counter!(REFUSED, "policy" => name.to_owned()),
        }
    }
}

impl Policy {
    /// How many requests are allowed in a window.
    pub(crate) fn quota(&self) -> u64 {
        self.rate.quota
    }
}

impl Counted {
    /// As header fields say it.
    pub(super) fn told(&self) -> (rate_limit::Policy<'_>, rate_limit::Standing<'_>) {
        let Self { policy, standing } = self;
        let (name, quota) = (policy.name.as_str(), policy.rate.quota);
        let reset = Some(time(standing.reset)).filter(|reset| !reset.is_zero());
        (
            rate_limit::Policy { name, quota, window: policy.window },
            rate_limit::Standing { name, remaining: standing.remaining, reset },
        )
    }
}
