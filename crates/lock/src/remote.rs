//! What is asked of Redis.
//!
//! A lock `wallet:7` is the key `lock:{wallet:7}`, which holds its holder's token and expires with its lease.
//! The key `lock:{wallet:7}:wanted` says that somebody else has asked for it. (The braces keep the two on one
//! node of a Redis Cluster.)

use std::sync::LazyLock;

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, ScriptInvocation};
use redis_connection::{RedisConnection, Timeouts};
use tracing::Instrument;

use crate::breaker::{Breaker, Verdict};
use crate::settings::{RedisSettings, Settings};

/// For how long it is remembered that a lock is wanted: until whoever wants it has asked again, and a bit.
const WANTED_MS: u64 = 300;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Redis, as locks see it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Remote {
    connection: RedisConnection,
    breaker: Breaker,
    lease_ms: u64,
}

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RedisDown {
    /// It was asked.
    #[error("Redis failed")]
    Failed(#[from] RedisError),
    /// It failed a moment ago, and was not asked.
    #[error("Redis failed a moment ago, and is left alone for now")]
    LeftAlone,
}

/// What became of a lease that was to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is over: somebody else may hold the lock.
    Lost,
    /// It has begun anew.
    Renewed,
    /// It has begun anew, and another instance waits for the lock.
    Wanted,
}

impl Remote {
    /// Connects at the first use, and again whenever the connection is lost. Fails where the address is none.
    pub(crate) fn new(redis: &RedisSettings, settings: &Settings) -> RedisResult<Self> {
        let timeouts = Timeouts { connect: settings.redis_timeout(), response: settings.redis_timeout() };
        let connection = RedisConnection::new(&redis.url, timeouts)?;
        Ok(Self { connection, breaker: Breaker::default(), lease_ms: settings.lease_ms })
    }

    /// Whether Redis answers.
    pub(crate) async fn ping(&self) -> Result<(), RedisDown> {
        let answer = redis::cmd("PING").query_async::<()>(&mut self.connection.clone()).await;
        self.noted(answer)?;
        if self.breaker.answered() {
            tracing::info!("Redis answers again; requests are queued across instances");
        }
        Ok(())
    }

    /// Takes a lock; false where somebody else holds it, with word left that it is wanted.
    pub(crate) async fn take(&self, lock: &str, token: &str) -> Result<bool, RedisDown> {
        // No script: nearly always it is free, and this is the cheapest question that there is.
        let mut take = redis::cmd("SET");
        take.arg(key(lock)).arg(token).arg("NX").arg("PX").arg(self.lease_ms);
        self.check_up()?;
        let is_taken = self.ask::<Option<()>>(&take).await?.is_some();
        if !is_taken {
            let mut want = redis::cmd("SET");
            want.arg(wanted_key(lock)).arg("").arg("PX").arg(WANTED_MS);
            self.ask::<()>(&want).await?;
        }
        Ok(is_taken)
    }

    /// Begins a lease anew.
    pub(crate) async fn renew(&self, lock: &str, token: &str) -> Result<Kept, RedisDown> {
        let mut invocation = RENEW.key(key(lock));
        invocation.key(wanted_key(lock)).arg(token).arg(self.lease_ms);
        self.check_up()?;
        let answer: u8 = self.invoke(&invocation).await?;
        Ok(match answer {
            0 => Kept::Lost,
            1 => Kept::Renewed,
            _ => Kept::Wanted,
        })
    }

    /// Ends a lease; false where it was over. Asked even of a Redis that has failed: it may still have heard
    /// of the lease.
    pub(crate) async fn release(&self, lock: &str, token: &str) -> Result<bool, RedisDown> {
        self.invoke(RELEASE.key(key(lock)).arg(token)).await
    }

    /// An error while Redis is left alone.
    fn check_up(&self) -> Result<(), RedisDown> {
        match self.breaker.verdict() {
            Verdict::Ask => return Ok(()),
            Verdict::Look => {
                let remote = self.clone();
                // What it finds is noted by itself.
                tokio::spawn(async move { drop(remote.ping().await) }.in_current_span());
            }
            Verdict::LeaveAlone => {}
        }
        Err(RedisDown::LeftAlone)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisDown> {
        self.noted(command.query_async(&mut self.connection.clone()).await)
    }

    async fn invoke<T: FromRedisValue>(&self, invocation: &ScriptInvocation<'_>) -> Result<T, RedisDown> {
        self.noted(invocation.invoke_async(&mut self.connection.clone()).await)
    }

    fn noted<T>(&self, answer: RedisResult<T>) -> Result<T, RedisDown> {
        answer.map_err(|error| {
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
