//! Without Redis everything goes on, at once, and with it again by itself.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lock::{Lock, RedisDown, Settings};

use crate::support::{OneAtATime, commands, holder, instance_by_cable, new_key, patient, soon};

const REQUESTS: usize = 200;
/// How long it may take until a Redis that is back is used again: a look every second, and two of them.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a few things, as if there had never been a lock. They still wait for each other within the process.
async fn goes_on(lock: &Lock) {
    let (key, work) = (new_key(), OneAtATime::default());
    soon(join_all((0..REQUESTS).map(|_| lock.run(&key, work.work())))).await;
    assert_eq!(work.done(), REQUESTS);
}

async fn comes_back(lock: &Lock) {
    let deadline = Instant::now() + PATIENCE;
    let key = new_key();
    while lock.run(&key, holder(&key)).await.is_none() {
        assert!(Instant::now() < deadline, "Redis is not used again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(lock.check().await.is_ok());
}

#[tokio::test]
async fn a_redis_that_is_gone_is_hardly_asked_and_used_again_when_it_is_back() {
    let (lock, cable) = instance_by_cable(&patient()).await;
    comes_back(&lock).await;

    cable.cut();
    let before = cable.connections();
    goes_on(&lock).await;
    assert!(cable.connections() - before < REQUESTS / 10, "each request knocked");
    assert!(matches!(lock.check().await, Err(RedisDown::Failed(_))));

    cable.mend();
    comes_back(&lock).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_waited_for_once_and_used_again_when_it_is_back() {
    let (lock, cable) = instance_by_cable(&Settings { redis_timeout_ms: 100, ..patient() }).await;
    comes_back(&lock).await;

    cable.block();
    let before = commands(&cable);
    goes_on(&lock).await;
    // The first request asks, and takes back what it asked for; then there are only looks.
    let asked = commands(&cable) - before;
    assert!((1..=3).contains(&asked), "{asked} commands: each request waited, or none asked");

    cable.mend();
    comes_back(&lock).await;
}

#[tokio::test]
async fn a_redis_that_goes_away_during_the_work_stops_nobody() {
    let (lock, cable) = instance_by_cable(&patient()).await;
    let key = new_key();
    let work = OneAtATime::default();
    join_all((0..REQUESTS).map(|n| {
        let (lock, key, work, cable) = (&lock, &key, &work, &cable);
        lock.run(key, async move {
            if n == REQUESTS / 2 {
                cable.cut();
            }
            work.work().await;
        })
    }))
    .await;
    assert_eq!(work.done(), REQUESTS);
}

#[tokio::test]
async fn a_redis_that_never_was_there_stops_nobody() {
    let (lock, cable) = instance_by_cable(&patient()).await;
    cable.cut();
    goes_on(&lock).await;
}
