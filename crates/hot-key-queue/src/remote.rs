//! The commands to Redis.
//!
//! A lock `wallet:7` is the key `lock:{wallet:7}`, which contains the token of its holder and expires with the lease. The key
//! `lock:{wallet:7}:wanted` says that another instance has asked for the lock. (The braces keep both keys on one node of a Redis
//! Cluster.)

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, ScriptInvocation};
use redis_connection::{AddressError, RedisConnection, RedisSettings, Timeouts};
use tracing::Instrument;

use crate::breaker::{Breaker, Decision};
use crate::settings::Settings;

/// How long it is remembered that a lock is wanted. It is longer than the pause until the one who wants it asks again.
const WANTED_MS: u64 = 300;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// The locks in Redis. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Remote {
    connection: RedisConnection,
    /// How long a caller waits for an answer.
    timeout: Duration,
    breaker: Breaker,
    lease_ms: u64,
}

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RedisDown {
    /// It was asked and failed.
    #[error("Redis failed")]
    Failed(#[from] RedisError),
    /// It failed a moment ago, and was not asked.
    #[error("Redis failed a moment ago, and is not asked for now")]
    NotAsked,
}

/// The result of renewing a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The lease has run out: another process may hold the lock.
    Lost,
    /// The lease holds for its full time again.
    Renewed,
    /// The lease holds for its full time again, and another instance waits for the lock.
    Wanted,
}

impl Remote {
    /// Connects at the first use, and again whenever the connection is lost. Fails if the address is malformed.
    pub(crate) fn new(redis: &RedisSettings, settings: &Settings) -> Result<Self, AddressError> {
        let timeout = settings.redis_timeout();
        let connection = redis.connection(Timeouts::within(timeout))?;
        connection.refuse_wrong_accounts();
        Ok(Self { connection, timeout, breaker: Breaker::default(), lease_ms: settings.lease_ms })
    }

    /// Whether Redis answers.
    pub(crate) async fn ping(&self) -> Result<(), RedisDown> {
        self.ask::<()>(&redis::cmd("PING")).await?;
        if self.breaker.answered() {
            tracing::info!("Redis answers again; requests are queued across instances");
        }
        Ok(())
    }

    /// Takes a lock. If another process holds it, leaves the mark that it is wanted and gives false.
    pub(crate) async fn take(&self, lock: &str, token: &str) -> Result<bool, RedisDown> {
        // It is not a script: the lock is nearly always free, and this is the cheapest command.
        let mut take = redis::cmd("SET");
        take.arg(key(lock)).arg(token).arg("NX").arg("PX").arg(self.lease_ms);
        self.check_breaker()?;
        let is_taken = self.ask::<Option<()>>(&take).await?.is_some();
        if !is_taken {
            let mut want = redis::cmd("SET");
            want.arg(wanted_key(lock)).arg("").arg("PX").arg(WANTED_MS);
            self.ask::<()>(&want).await?;
        }
        Ok(is_taken)
    }

    /// Renews a lease for its full time.
    pub(crate) async fn renew(&self, lock: &str, token: &str) -> Result<Renewal, RedisDown> {
        let mut invocation = RENEW.key(key(lock));
        invocation.key(wanted_key(lock)).arg(token).arg(self.lease_ms);
        self.check_breaker()?;
        let answer: u8 = self.invoke(&invocation).await?;
        Ok(match answer {
            0 => Renewal::Lost,
            1 => Renewal::Renewed,
            _ => Renewal::Wanted,
        })
    }

    /// Ends a lease. False if it had run out. Redis is asked even if it has failed before, because it may have given the lease.
    pub(crate) async fn release(&self, lock: &str, token: &str) -> Result<bool, RedisDown> {
        self.invoke(RELEASE.key(key(lock)).arg(token)).await
    }

    /// An error while Redis is not to be asked.
    fn check_breaker(&self) -> Result<(), RedisDown> {
        match self.breaker.decide() {
            Decision::Send => return Ok(()),
            Decision::Probe => {
                let remote = self.clone();
                // It tells the breaker the result.
                tokio::spawn(async move { drop(remote.ping().await) }.in_current_span());
            }
            Decision::Skip => {}
        }
        Err(RedisDown::NotAsked)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisDown> {
        self.in_time(command.query_async(&mut self.connection.clone())).await
    }

    async fn invoke<T: FromRedisValue>(&self, invocation: &ScriptInvocation<'_>) -> Result<T, RedisDown> {
        self.in_time(invocation.invoke_async(&mut self.connection.clone())).await
    }

    /// Waits for an answer, and for the connection, but not longer than a caller waits. Tells the breaker about a failure.
    async fn in_time<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, RedisDown> {
        let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(too_late).map_err(|error| {
            metrics::counter!("lock_redis_failures_total").increment(1);
            if self.breaker.failed() {
                tracing::warn!(%error, "Redis fails; requests go on without their lock");
            }
            RedisDown::Failed(error)
        })
    }
}

fn key(lock: &str) -> String {
    format!("lock:{{{lock}}}")
}

fn wanted_key(lock: &str) -> String {
    format!("lock:{{{lock}}}:wanted")
}
