//! The section `limits`.

use std::collections::BTreeMap;
use std::time::Duration;

use garde::Validate;
use serde::{Deserialize, Serialize};

/// How many requests a client may send.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LimitsSettings {
    /// Whether requests are limited. Without it, the policies of the routes are checked, and nothing is counted.
    #[garde(skip)]
    pub enabled: bool,
    /// The policies that a route can name in `routes[].limits`.
    #[garde(dive, custom(policy_names))]
    pub policies: BTreeMap<String, PolicySettings>,
    /// How many members and addresses a gateway remembers, for all policies together. Who has sent nothing for the longest time is
    /// forgotten first.
    #[garde(range(min = 1_000, max = 10_000_000))]
    pub remembered: usize,
    /// How long a request waits for Redis, under all its policies together. Then the gateway counts alone.
    #[garde(range(min = 10, max = 300))]
    pub redis_timeout_ms: u64,
    /// How long the gateway counts alone after Redis has failed, before it asks Redis again.
    #[garde(range(min = 100, max = 60_000))]
    pub redis_pause_ms: u64,
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            policies: BTreeMap::new(),
            remembered: 50_000,
            redis_timeout_ms: 100,
            redis_pause_ms: 1_000,
        }
    }
}

impl LimitsSettings {
    /// See [`Self::redis_timeout_ms`].
    pub fn redis_timeout(&self) -> Duration {
        Duration::from_millis(self.redis_timeout_ms)
    }

    /// See [`Self::redis_pause_ms`].
    pub fn redis_pause(&self) -> Duration {
        Duration::from_millis(self.redis_pause_ms)
    }
}

/// A policy: how many requests one client may send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicySettings {
    /// Whose requests are counted together.
    #[garde(skip)]
    pub by: LimitedBy,
    /// How many requests are allowed in a window. All of them may come at once; after that they come back one by one.
    #[garde(range(min = 1, max = 1_000_000))]
    pub requests: u32,
    /// The length of the window, in seconds.
    #[garde(range(min = 1, max = 86_400))]
    pub window_s: u32,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// Those of one client's address: an IPv4 address, or an IPv6 network of 64 bits.
    Address,
    /// Those of one member. Only for routes that need a token.
    Member,
}

/// The names stand in a header field and in keys of Redis.
fn policy_names<C>(policies: &BTreeMap<String, PolicySettings>, _context: &C) -> garde::Result {
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = |name: &String| (1..=40).contains(&name.len()) && name.chars().all(is_good);
    if policies.keys().all(is_name) {
        return Ok(());
    }
    Err(garde::Error::new("a name has small letters, digits and dashes, and 40 of them at most"))
}
