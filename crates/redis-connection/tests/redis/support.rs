//! A real Redis, a proxy in front of it, and the commands that the tests send.

use std::time::Duration;

use redis::RedisResult;
use redis_connection::{RedisAddress, RedisConnection, Timeouts};
use testkit::FaultProxy;

/// Longer than a test takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Redis's `host:port`.
pub(crate) fn server() -> String {
    let url =
        std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`");
    url.trim_start_matches("redis://").split('/').next().unwrap().to_owned()
}

pub(crate) fn proxy() -> FaultProxy {
    FaultProxy::to(&server())
}

pub(crate) fn url_at(proxy: &FaultProxy) -> String {
    format!("redis://{}", proxy.address())
}

pub(crate) fn connection(url: &str, timeout: Duration) -> RedisConnection {
    let timeouts = Timeouts { connect: timeout, response: timeout };
    RedisConnection::new(&RedisAddress { url, ca_file: None }, timeouts).unwrap()
}

/// A connection without a proxy.
pub(crate) async fn direct() -> redis::aio::MultiplexedConnection {
    // Without a timeout, because the machine may be busy.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(format!("redis://{}", server())).unwrap();
    client.get_multiplexed_async_connection_with_config(&patient).await.unwrap()
}

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, work).await.expect("it does not end")
}

/// A key that no other test has.
pub(crate) fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub(crate) async fn set(redis: &RedisConnection, key: &str, value: &str) -> RedisResult<()> {
    let mut set = redis::cmd("SET");
    set.arg(key).arg(value).arg("EX").arg(600);
    set.query_async(&mut redis.clone()).await
}

pub(crate) async fn get(redis: &RedisConnection, key: &str) -> RedisResult<String> {
    redis::cmd("GET").arg(key).query_async(&mut redis.clone()).await
}
