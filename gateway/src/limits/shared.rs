//! The limits that all gateways share, in Redis. Only this file knows Redis commands.
//!
//! A client's key is `limit:{policy}:who`; its value is the theoretical arrival time (`gcra.rs`), and it expires when the client
//! has its whole quota again. Each thread has a connection of its own, so that no request waits for another thread.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, gauge};
use redis::{RedisError, Script};
use redis_connection::{AddressError, RedisConnection, RedisSettings, Timeouts};
use thread_local::ThreadLocal;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::client::Answer;
use super::policy::Policy;
use crate::settings::LimitsSettings;

const FAILURES: &str = "gateway_rate_limit_redis_failures_total";
const ALONE: &str = "gateway_rate_limit_alone";

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// Limits in Redis.
pub(super) struct Shared {
    redis: RedisSettings,
    /// It refuses accounts that Redis does not let in. No request uses it.
    _trial: RedisConnection,
    connections: ThreadLocal<RedisConnection>,
    timeout: Duration,
    /// For how long Redis is not asked after a failure, in microseconds.
    pause: u64,
    /// When Redis is asked again, in microseconds of the clock of the limits. 0 while it answers.
    again_at: AtomicU64,
}

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    #[error("the address of Redis can't be used")]
    Address(#[from] AddressError),
    #[error("Redis did not answer in time")]
    Timeout(#[from] Elapsed),
}

impl Shared {
    /// Connects at the first question. Fails if the address can't be used.
    pub(super) fn new(redis: &RedisSettings, settings: &LimitsSettings) -> Result<Self, AddressError> {
        metrics::describe_counter!(FAILURES, "Questions about a limit that Redis did not answer in time");
        metrics::describe_gauge!(
            ALONE,
            "1 while Redis is away and this gateway counts requests alone, else 0"
        );
        let timeout = settings.redis_timeout();
        let trial = connect(redis, timeout)?;
        trial.refuse_wrong_accounts();
        gauge!(ALONE).set(0);
        Ok(Self {
            redis: redis.clone(),
            _trial: trial,
            connections: ThreadLocal::new(),
            timeout,
            pause: pause_of(settings),
            again_at: AtomicU64::new(0),
        })
    }

    /// Whether Redis is to be asked now. After a failure it is asked by one request in each pause.
    pub(super) fn is_asked(&self, now: u64) -> bool {
        let again_at = self.again_at.load(Ordering::Relaxed);
        if again_at == 0 {
            return true;
        }
        let next = now + self.pause;
        now >= again_at
            && self.again_at.compare_exchange(again_at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether it was made with these settings. The account is none of them: it changes by itself.
    pub(super) fn is_of(&self, redis: &RedisSettings, settings: &LimitsSettings) -> bool {
        let Self { redis: own, timeout, pause, .. } = self;
        (&own.url, &own.tls_ca_file, *timeout, *pause)
            == (&redis.url, &redis.tls_ca_file, settings.redis_timeout(), pause_of(settings))
    }

    /// Takes up to `wanted` requests of a client. `None` if Redis does not answer; then it is not asked for a while. A request waits
    /// for all its questions together no longer than for one.
    pub(super) async fn take(
        &self,
        policy: &Policy,
        who: u128,
        wanted: u64,
        now: u64,
        until: &mut Option<Instant>,
    ) -> Option<Answer> {
        let is_first = until.is_none();
        let until = *until.get_or_insert_with(|| Instant::now() + self.timeout);
        match timeout_at(until, self.ask(policy, who, wanted)).await {
            Ok(Ok(taken)) => {
                if self.again_at.swap(0, Ordering::Relaxed) != 0 {
                    gauge!(ALONE).set(0);
                    tracing::info!("Redis answers again; the gateways count requests together");
                }
                Some(taken)
            }
            Ok(Err(failure)) => self.fail(&failure, now),
            Err(elapsed) if is_first => self.fail(&elapsed.into(), now),
            // It had not the whole time.
            Err(_) => None,
        }
    }

    async fn ask(&self, policy: &Policy, who: u128, wanted: u64) -> Result<Answer, Failure> {
        let Policy { name, rate, .. } = policy;
        let mut connection = self.connections.get_or_try(|| connect(&self.redis, self.timeout))?.clone();
        let mut take = TAKE.key(format!("limit:{{{name}}}:{who:x}"));
        take.arg(rate.interval).arg(rate.quota).arg(wanted);
        let (taken, left, reset) = take.invoke_async(&mut connection).await?;
        Ok(Answer { taken, left, reset })
    }

    fn fail(&self, failure: &Failure, asked_at: u64) -> Option<Answer> {
        counter!(FAILURES).increment(1);
        let waited = u64::try_from(self.timeout.as_micros()).unwrap_or(u64::MAX);
        let again_at = asked_at.saturating_add(waited).saturating_add(self.pause);
        if self.again_at.swap(again_at, Ordering::Relaxed) == 0 {
            gauge!(ALONE).set(1);
            let error = failure as &dyn std::error::Error;
            tracing::warn!(error, "Redis does not answer; this gateway counts requests alone for a while");
        }
        None
    }
}

fn pause_of(settings: &LimitsSettings) -> u64 {
    settings.redis_pause_ms * 1_000
}

/// A failed step leaves time for the next one: the connection notices that it is silent before the request gives up.
fn connect(redis: &RedisSettings, timeout: Duration) -> Result<RedisConnection, AddressError> {
    redis.connection(Timeouts { connect: timeout / 2, response: timeout / 2 })
}
