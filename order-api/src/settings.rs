//! The settings of order-api.

use std::path::PathBuf;
use std::time::Duration;

use garde::Validate;
use redis_connection::{Password, Username};
use serde::Deserialize;
use service_host::Live;
use time::OffsetDateTime;

use crate::settlement::day::{BusinessDay, TimeOfDay};

/// The settings of order-api, in addition to those of every process.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The schema `orders`.
    #[garde(dive)]
    pub database: database::Settings,
    /// The schema `batch`.
    #[garde(dive)]
    pub batch_database: database::Settings,
    /// The Redis with the carts.
    #[garde(dive)]
    pub redis: RedisSettings,
    /// How orders are placed.
    #[garde(dive)]
    #[serde(default)]
    pub checkout: Live<CheckoutSettings>,
    /// What can be done with an order line.
    #[garde(dive)]
    #[serde(default)]
    pub lines: Live<LineSettings>,
    /// How unfinished work is claimed.
    #[garde(dive)]
    #[serde(default)]
    pub worker: WorkerSettings,
    /// How days are settled.
    #[garde(dive)]
    #[serde(default)]
    pub settlement: SettlementSettings,
}

/// The section `redis`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RedisSettings {
    /// The address: `redis://host:port/database`, or `rediss://host:port/database` over TLS.
    #[garde(prefix("redis"))]
    pub url: String,
    /// The account. Without it, that of the address, or Redis's `default`.
    #[garde(dive)]
    #[serde(default)]
    pub username: Live<Option<Username>>,
    /// Its password; sealed. Open connections go on with a new account and password.
    #[garde(dive)]
    #[serde(default)]
    pub password: Live<Option<Password>>,
    /// A PEM file, on the machine of this process, with the authorities that may sign the certificate of Redis. Without it, the
    /// public ones may. It needs `rediss://`.
    #[garde(skip)]
    pub tls_ca_file: Option<PathBuf>,
    /// How long a request waits for an answer of Redis, also if a connection has to be opened for it. Then it is answered 503. With
    /// `limits.redis-timeout-ms` of the gateway, this is how long a client waits for a Redis that stands still.
    #[garde(range(min = 10, max = 10_000))]
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_timeout_ms() -> u64 {
    200
}

impl RedisSettings {
    /// A Redis at this address, which says all that is needed.
    pub fn at(url: impl Into<String>, timeout_ms: u64) -> Self {
        let redis_connection::RedisSettings { url, username, password, tls_ca_file } =
            redis_connection::RedisSettings::at(url);
        Self { url, username, password, tls_ca_file, timeout_ms }
    }

    /// The server, without the time.
    pub fn server(&self) -> redis_connection::RedisSettings {
        let Self { url, username, password, tls_ca_file, timeout_ms: _ } = self.clone();
        redis_connection::RedisSettings { url, username, password, tls_ca_file }
    }

    /// See [`Self::timeout_ms`].
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// The section `checkout`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CheckoutSettings {
    /// How long a request waits for the end of its order. After that it is answered with 202.
    #[garde(range(min = 0, max = 60_000))]
    pub answer_within_ms: u64,
    /// How long stock is reserved for an order. An order that is not paid by then, because a service was down, fails.
    #[garde(range(min = 30, max = 86_400))]
    pub reservation_s: u64,
    /// How long a call to another service may take, with all its attempts.
    #[garde(range(min = 100, max = 60_000))]
    pub call_timeout_ms: u64,
}

impl Default for CheckoutSettings {
    fn default() -> Self {
        Self { answer_within_ms: 5_000, reservation_s: 900, call_timeout_ms: 3_000 }
    }
}

impl CheckoutSettings {
    /// How long a request waits for the end of its order.
    pub const fn answer_within(&self) -> Duration {
        Duration::from_millis(self.answer_within_ms)
    }

    /// How long stock is reserved.
    pub const fn reservation(&self) -> Duration {
        Duration::from_secs(self.reservation_s)
    }

    /// How long a call to another service may take.
    pub const fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

/// The section `lines`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LineSettings {
    /// How long after the payment a customer can cancel a line.
    #[garde(range(min = 0, max = 525_600))]
    pub cancel_window_minutes: u64,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self { cancel_window_minutes: 30 }
    }
}

impl LineSettings {
    /// How long after the payment a customer can cancel a line.
    pub const fn cancel_window(&self) -> Duration {
        Duration::from_secs(self.cancel_window_minutes * 60)
    }
}

/// The section `worker`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WorkerSettings {
    /// How often to look for work whose lease has expired.
    #[garde(range(min = 10, max = 60_000))]
    pub poll_ms: u64,
    /// How long work belongs to the process that has claimed it. If the process dies, the others wait for this time. A step
    /// that takes longer is cancelled and repeated, so this is longer than the second for which a step may wait for the
    /// lock of a wallet.
    #[garde(range(min = 2, max = 600))]
    pub lease_s: u64,
    /// How many claimed checkouts run at the same time, and how many deliveries.
    #[garde(range(min = 1, max = 1_000))]
    pub at_once: u32,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { poll_ms: 500, lease_s: 10, at_once: 16 }
    }
}

impl WorkerSettings {
    /// How often to look.
    pub const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    /// How long work belongs to the process that has claimed it.
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    /// How long a worker may report nothing before it is restarted. It is longer than a worker waits for anything: for a
    /// task, which ends within its lease, or for the database, whose statements have a limit.
    pub fn max_silence(&self) -> Duration {
        (3 * self.lease()).max(Duration::from_secs(60))
    }
}

/// The section `settlement`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SettlementSettings {
    /// When a day is settled: at this time of the next day, `HH:MM` in Asia/Seoul.
    #[garde(skip)]
    pub at: TimeOfDay,
    /// How often to look whether a day is due.
    #[garde(range(min = 1, max = 3_600))]
    pub poll_s: u64,
    /// How long a run belongs to its process without a heartbeat. If the process dies, the others wait for this time.
    #[garde(range(min = 3, max = 600))]
    pub lease_s: u64,
    /// How many sellers are settled in one transaction while nobody buys. While somebody buys, it is 500 at most.
    #[garde(range(min = 1, max = 100_000))]
    pub chunk_sellers: u32,
    /// The proof of a day with more lines than this uses the sums that were read ahead. A smaller day is read again.
    #[garde(range(min = 0, max = 10_000_000))]
    pub read_anew_lines: u64,
}

impl Default for SettlementSettings {
    fn default() -> Self {
        Self {
            at: TimeOfDay::new(4, 0).expect("04:00 is a time of day"),
            poll_s: 30,
            lease_s: 30,
            chunk_sellers: 50_000,
            read_anew_lines: 100_000,
        }
    }
}

impl SettlementSettings {
    /// When a day is due.
    pub fn due(&self, day: BusinessDay) -> OffsetDateTime {
        day.next().at(self.at)
    }

    /// How often to look.
    pub const fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_s)
    }

    /// How long a run belongs to its process without a heartbeat.
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }
}
