//! Instances of a service with a queue, and work that runs in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hot_key_queue::{HotKeyQueue, RedisSettings, Settings};
use testkit::FaultProxy;

/// A test that takes longer has failed. It is much shorter than the waits and leases of [`patient`].
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn redis_url() -> String {
    std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`")
}

/// A queue whose requests wait for an hour before they go on without the lock. A test must not wait for that: see [`soon`].
pub(crate) fn patient() -> Settings {
    Settings { enabled: true, wait_ms: 3_600_000, lease_ms: 3_600_000, at_once: 1, redis_timeout_ms: 10_000 }
}

/// The queue of one instance.
pub(crate) fn instance(settings: &Settings) -> HotKeyQueue {
    instance_at(&redis_url(), settings)
}

pub(crate) fn instance_at(url: &str, settings: &Settings) -> HotKeyQueue {
    HotKeyQueue::new("test", &RedisSettings::at(url), settings).unwrap()
}

/// The queue of one instance, and the proxy between it and Redis, which records what it sends.
pub(crate) fn instance_behind_proxy(settings: &Settings) -> (HotKeyQueue, FaultProxy) {
    let url = redis_url();
    let proxy = FaultProxy::to(url.trim_start_matches("redis://").split('/').next().unwrap());
    proxy.record();
    (instance_at(&format!("redis://{}", proxy.address()), settings), proxy)
}

/// How many commands about locks were sent to Redis.
pub(crate) fn commands(proxy: &FaultProxy) -> usize {
    proxy.sent("EVALSHA") + proxy.sent("$3\r\nSET\r\n")
}

/// Fails if the work does not end soon. Every wait for a [`patient`] queue is inside of this: if a lock is not released or not
/// handed on, the wait ends only after an hour, and then as a success.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, work).await.expect("it does not end")
}

/// A key that no other test has.
pub(crate) fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Work that only one request may do at a time.
#[derive(Debug, Default)]
pub(crate) struct OneAtATime {
    inside: AtomicUsize,
    done: AtomicUsize,
}

impl OneAtATime {
    /// Does the work, and gives other tasks the chance to run meanwhile.
    pub(crate) async fn work(&self) {
        let _inside = Inside::enter(&self.inside);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }
}

/// A request that does the work, until it is dropped.
struct Inside<'count>(&'count AtomicUsize);

impl<'count> Inside<'count> {
    fn enter(count: &'count AtomicUsize) -> Self {
        assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The token that Redis has under the key of a lock.
pub(crate) async fn holder(key: &str) -> Option<String> {
    let mut redis = redis_connection().await;
    redis::cmd("GET").arg(redis_key(key)).query_async(&mut redis).await.unwrap()
}

/// How much of the lease of a lock is left.
pub(crate) async fn left_ms(key: &str) -> i64 {
    let mut redis = redis_connection().await;
    redis::cmd("PTTL").arg(redis_key(key)).query_async(&mut redis).await.unwrap()
}

/// Takes a lock as an instance that dies then: the lock is never released.
pub(crate) async fn take_and_die(key: &str) {
    let mut redis = redis_connection().await;
    let mut command = redis::cmd("SET");
    command.arg(redis_key(key)).arg("dead").arg("EX").arg(3_600);
    command.query_async::<()>(&mut redis).await.unwrap();
}

async fn redis_connection() -> redis::aio::MultiplexedConnection {
    // Without a timeout, because the machine may be busy.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(redis_url()).unwrap();
    // Opening is large, and would make every future of the tests so.
    Box::pin(client.get_multiplexed_async_connection_with_config(&patient)).await.unwrap()
}

fn redis_key(key: &str) -> String {
    format!("lock:{{test:{key}}}")
}
