//! Without Redis, requests go on at once. When Redis is back, it is used again.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hot_key_queue::{HotKeyQueue, RedisDown, Settings};

use crate::support::{OneAtATime, commands, holder, instance_behind_proxy, new_key, patient, soon};

const REQUESTS: usize = 200;
/// How long it may take until a Redis that is back is used again. It is probed every second.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs many requests without the lock. They still wait for each other within the process.
async fn goes_on(queue: &HotKeyQueue) {
    let (key, work) = (new_key(), OneAtATime::default());
    soon(join_all((0..REQUESTS).map(|_| queue.run(&key, work.work())))).await;
    assert_eq!(work.done(), REQUESTS);
}

async fn comes_back(queue: &HotKeyQueue) {
    let deadline = Instant::now() + TIMEOUT;
    let key = new_key();
    while soon(queue.run(&key, holder(&key))).await.is_none() {
        assert!(Instant::now() < deadline, "Redis is not used again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(queue.check().await.is_ok());
}

#[tokio::test]
async fn a_redis_that_is_down_is_rarely_asked_and_is_used_again_when_it_is_back() {
    let (queue, proxy) = instance_behind_proxy(&patient());
    comes_back(&queue).await;

    proxy.end_all();
    let before = proxy.connections();
    goes_on(&queue).await;
    assert!(proxy.connections() - before < REQUESTS / 10, "each request has asked");
    assert!(matches!(queue.check().await, Err(RedisDown::Failed(_))));

    proxy.restore();
    comes_back(&queue).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_waited_for_once_and_used_again_when_it_is_back() {
    let (queue, proxy) = instance_behind_proxy(&Settings { redis_timeout_ms: 100, ..patient() });
    comes_back(&queue).await;

    proxy.stall();
    let before = commands(&proxy);
    goes_on(&queue).await;
    // The first request asks for the lock and releases it; then there are only probes.
    let asked = commands(&proxy) - before;
    assert!((1..=3).contains(&asked), "{asked} commands: each request waited, or none asked");

    proxy.restore();
    comes_back(&queue).await;
}

#[tokio::test]
async fn a_redis_that_goes_down_during_the_work_stops_no_request() {
    let (queue, proxy) = instance_behind_proxy(&patient());
    let key = new_key();
    let work = OneAtATime::default();
    let requests = (0..REQUESTS).map(|n| {
        let (queue, key, work, proxy) = (&queue, &key, &work, &proxy);
        queue.run(key, async move {
            if n == REQUESTS / 2 {
                proxy.end_all();
            }
            work.work().await;
        })
    });
    soon(join_all(requests)).await;
    assert_eq!(work.done(), REQUESTS);
}

#[tokio::test]
async fn a_redis_that_was_never_there_stops_no_request() {
    let (queue, proxy) = instance_behind_proxy(&patient());
    proxy.end_all();
    goes_on(&queue).await;
}
